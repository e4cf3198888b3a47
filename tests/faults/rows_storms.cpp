// More registrations than anybody needs, and a log that takes no more of them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "conformance/peers.hpp"
#include "rows.hpp"
#include "watch.hpp"

namespace faults {

namespace {

using maus::worker_state;

constexpr std::size_t mib = 1u << 20;

/// A worker that registers so often, each time as another type and a new incarnation, and leaves. What it
/// is answered is read, so that the parkserver has nothing to keep for it.
void storm(stage& on, std::size_t registrations) {
    spec::fake_worker self;
    self.park = std::make_unique<spec::dealer>(on.endpoint());
    constexpr std::size_t at_a_time = 500;
    for (std::size_t said = 0; said < registrations;) {
        for (std::size_t i = 0; i < at_a_time; ++i, ++said) {
            self.self.incarnation = said + 1;
            self.self.type = "storm" + std::to_string(said);
            self.park->say(self.self);
        }
        self.park->say(spec::status_query{});
        (void)self.park->hear<spec::status>();
    }
    self.park->close();
}

void registration_storm(stage& on) {
    on.start_parkserver();
    (void)on.workers(3);
    auto& direct = on.manager(calm({"--amount", "2"}));
    auto& relayed = on.manager(calm({"--amount", "1", "--relayed"}));
    on.wait_for(direct, kind::settled, 20);
    on.wait_for(relayed, kind::settled, 20);
    constexpr std::size_t registrations = 20'000;
    storm(on, registrations);  // what malloc keeps for next time it keeps once
    const std::size_t before = bytes_of(on.parkserver().pid());
    for (int i = 0; i < 3; ++i) {
        storm(on, registrations);
        on.wait_for(direct, kind::settled, 20);
        on.wait_for(relayed, kind::settled, 20);
    }
    on.wait("the parkserver to forget them",
            [&] { return bytes_of(on.parkserver().pid()) < before + 16 * mib; });
    on.wait_for_workers(3, worker_state::leased);
    on.check(std::filesystem::file_size(on.file("parkserver.log")) < mib,
             "the log grew by each registration");
    on.check(direct.count(kind::left) + relayed.count(kind::left) == 0, "a worker was lost");
}

/// A pipe that is full and that nobody reads.
class full_pipe {
public:
    explicit full_pipe(const std::string& path) {
        if (::mkfifo(path.c_str(), 0600) != 0) throw row_failed("no pipe can be made");
        fd_ = ::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
        const std::string much(4096, '\n');
        while (::write(fd_, much.data(), much.size()) > 0) {
        }
    }
    ~full_pipe() { ::close(fd_); }
    full_pipe(const full_pipe&) = delete;
    full_pipe& operator=(const full_pipe&) = delete;

private:
    int fd_ = -1;
};

void blocked_log(stage& on) {
    on.parkserver_log = on.file("log-that-blocks");
    on.keep_to_the_end(std::make_shared<full_pipe>(on.parkserver_log));
    on.start_parkserver({}, {"--log-level", "debug"});
    (void)on.workers(3);
    auto& direct = on.manager(calm({"--amount", "2"}));
    auto& relayed = on.manager(calm({"--amount", "1", "--relayed"}));
    storm(on, 5000);
    on.wait_for(direct, kind::settled, 100);
    on.wait_for(relayed, kind::settled, 100);
    (void)on.worker();
    on.wait_for_workers(1, worker_state::available);
    on.check(direct.count(kind::left) + relayed.count(kind::left) == 0, "a worker was lost");
    on.check(peak_of(on.parkserver().pid()) < 128 * mib, "what cannot be logged is kept");
}

// Ten times as many calls as the workers can take. What does not fit waits with who calls, and not in
// memory: without a bound a minute of it would be some 700 MiB.
void overload(stage& on, int seconds) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    throw row_skipped("sanitizers need more address space than any cap leaves them");
#endif
    on.start_parkserver();
    const auto team = on.workers(3);
    constexpr std::size_t run_ms = 10, a_second = 3 * 1000 / run_ms;
    constexpr std::size_t call_bytes = 4096, bytes_max = 4 * mib;
    auto& boss = on.manager(
        calm({"--amount", "3", "--outstanding", "10000000", "--rate", std::to_string(10 * a_second),
              "--run-us", std::to_string(run_ms * 1000), "--extra-bytes",
              std::to_string(call_bytes), "--bytes-max", std::to_string(bytes_max)}),
        "ulimit -v 1000000;");
    const auto open = [&] {
        const std::size_t settled = boss.count(kind::settled);  // first: more may be by now
        return boss.count(kind::submitted) - settled;
    };
    on.wait("as many calls as there is room for",
            [&] { return open() > bytes_max / call_bytes * 9 / 10; });
    on.wait_for(boss, kind::settled, a_second);  // what malloc keeps for next time it keeps once
    std::vector<pid_t> all{boss.pid(), on.parkserver().pid()};
    for (const auto* each : team) all.push_back(each->pid());
    std::vector<std::size_t> before;
    for (const auto each : all) {
        before.push_back(bytes_of(each));
        forget_peak(each);
    }
    for (int second = 0; second < seconds; ++second) {
        on.wait_for(boss, kind::settled, a_second * 9 / 10);
        on.check(open() <= bytes_max / call_bytes + 64,
                 "more calls are open than there is room for");
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        on.check(peak_of(all[i]) < before[i] + 8 * mib,
                 "the memory of process " + std::to_string(all[i]) + " grew from " +
                     std::to_string(before[i]) + " to " + std::to_string(peak_of(all[i])));
    }
    on.check(boss.count(kind::left) == 0, "a worker was lost");
}

}  // namespace

std::vector<row> rows_of_storms() {
    return {
        {"registration-storm", "a worker that registers 80,000 times, each time as something else",
         registration_storm},
        {"blocked-log", "a parkserver whose log is a full pipe that nobody reads", blocked_log},
        {"overload", "ten times as many calls as the workers can take",
         [](stage& on) { overload(on, 5); }},
        {"overload-minute", "the same for a minute", [](stage& on) { overload(on, 60); },
         over::both, weight::heavy},
    };
}

}  // namespace faults
