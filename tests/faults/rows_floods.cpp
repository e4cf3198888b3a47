// Many peers at a time that want a process's time for themselves: floods of what is wrong, large or over at
// once (witnesses.hpp).
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "logs.hpp"
#include "rows.hpp"
#include "watch.hpp"
#include "witnesses.hpp"
#include "work.hpp"

namespace faults {

namespace {

/// A parkserver that is asked to end has ended after that, however much it is asked.
constexpr std::chrono::seconds ending_max{5};

/// Each with its thread, which leaves the processor to everybody else: what the attackers themselves take
/// is not what is measured.
void all_at_once(std::deque<raw_tcp>& attackers,
                 const std::function<void(raw_tcp&, std::size_t number)>& attack) {
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < attackers.size(); ++i) {
        threads.emplace_back([&, i] {
            (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);
            attack(attackers[i], i);
        });
    }
    for (auto& each : threads) each.join();
}

/// What nobody can read: each in another way.
std::string bad_messages(std::size_t count, spec::u8 channel) {
    const std::string kinds[] = {
        "XAU is not maus",
        "MA",
        std::string("MAU\x07", 4) + std::string(4, '\0'),
        spec::header(9, 0),
        spec::header(channel, 1) + "junk",
        spec::header(channel, 1) + std::string(20, '\xff'),
    };
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += raw_tcp::frame(kinds[i % std::size(kinds)]);
    return all;
}

/// F42: each of 1,500 peers sends thousands of messages that nobody can read; every third has registered.
void bad_peers(stage& on) {
    witnesses good(on);
    on.expect_violations();
    constexpr std::size_t peers = 1500, threads = 50, messages = 5000;
    for (const bool at_park : {true, false}) {
        const auto bad = bad_messages(messages, at_park ? spec::on_control : spec::on_link);
        std::deque<raw_tcp> all;
        while (all.size() < peers) {
            const bool registers = at_park && all.size() % 3 == 0;
            spec::register_worker self;
            self.worker = spec::fresh_id();
            self.type = "bad";
            all.push_back(registers ? registered_worker(on.endpoint(), self)
                                    : stranger(at_park ? on.endpoint() : good.place));
        }
        std::deque<raw_tcp> first;
        for (std::size_t i = 0; i < threads; ++i) {
            first.push_back(std::move(all.front()));
            all.pop_front();
        }
        std::atomic<std::size_t> next = 0;
        all_at_once(first, [&](raw_tcp& attacker, std::size_t) {
            (void)attacker.write(bad);
            for (std::size_t i = next++; i < all.size(); i = next++) (void)all[i].write(bad);
        });
        // Nobody of them is heard for ever.
        for (auto& each : all) on.check(each.is_closed(), "a peer of bad messages was kept");
    }
    good.judge();
}

/// Workers by hand whose registrations are as large as they may be.
std::deque<raw_tcp> large_registrations(stage& on, std::size_t workers) {
    std::deque<raw_tcp> registered;
    for (std::size_t i = 0; i < workers; ++i) registered.push_back(stranger(on.endpoint()));
    all_at_once(registered, [&](raw_tcp& each, std::size_t number) {
        spec::register_worker self;
        self.worker = spec::fresh_id();
        self.type = "large";
        self.interval_ms = 3'600'000;
        for (int i = 0; i < 1000; ++i) {
            std::string text =
                "f" + std::to_string(number * 1000 + static_cast<std::size_t>(i)) + "(";
            while (text.size() < 1020) text += "i8,";
            self.signatures.push_back(text + "i8)->i8");
        }
        each.write(raw_tcp::frame(spec::control(self).front()));
        on.check(!each.read_frame().empty(), "a large registration got no answer");
    });
    return registered;
}

/// Reads a frame, and keeps none of it. Its size if all of it came, or 0.
std::size_t pass_over_frame(raw_tcp& from) {
    const std::string flags = from.read(1);
    if (flags.empty()) return 0;
    std::size_t bytes = 0;
    for (const char byte : from.read((flags[0] & 2) != 0 ? 8 : 1)) {
        bytes = bytes << 8 | static_cast<unsigned char>(byte);
    }
    std::size_t left = bytes;
    for (std::string got = "x"; left > 0 && !got.empty(); left -= got.size()) {
        got = from.read(std::min<std::size_t>(left, 1 << 16));
    }
    return left == 0 ? bytes : 0;
}

constexpr std::size_t large_workers = 60, askers = 60, deaf_askers = 40;

/// All of them ask for the status, and some do not read it. How many were told all.
std::size_t ask_for_status(stage& on, std::atomic<std::size_t>& asked) {
    const auto query = raw_tcp::frame(spec::control(spec::status_query{}).front());
    std::deque<raw_tcp> asking;
    while (asking.size() < askers + deaf_askers) asking.push_back(stranger(on.endpoint()));
    std::atomic<std::size_t> told = 0;
    all_at_once(asking, [&](raw_tcp& each, std::size_t number) {
        each.write(query);
        ++asked;
        if (number >= askers) return;
        if (pass_over_frame(each) > large_workers * 1'000'000) ++told;
    });
    return told;
}

/// F40: registrations as large as they may be, and everybody asks for the status. In the middle of it the
/// parkserver is asked to end.
void large_statuses(stage& on) {
    witnesses good(on);
    auto registered = large_registrations(on, large_workers);
    std::atomic<std::size_t> asked = 0;
    const auto told = ask_for_status(on, asked);
    on.check(told > 0, "nobody was told the status");
    std::printf("%zu of %zu were told the status\n", told, askers);
    // The registrations are as large as their peers may make them, and two statuses may wait.
    good.judge(large_workers * 2 * mib + 2 * 64 * mib);

    asked = 0;
    std::jthread asking([&] { (void)ask_for_status(on, asked); });
    on.wait("half of them to have asked", [&] { return asked >= (askers + deaf_askers) / 2; });
    const auto since = now();
    on.parkserver().signal(SIGTERM);
    const auto code = on.parkserver().wait(10 * ending_max);
    const double took = std::chrono::duration<double>(now() - since).count();
    asking.join();
    std::printf("asked to end while it told the status, it ended after %.2f s\n", took);
    on.check(code == 0, "the parkserver did not end in order");
    on.check(took < std::chrono::duration<double>(ending_max).count(),
             "the parkserver took " + std::to_string(took) + " s to end");
    on.start_parkserver();
    good.go_on();
}

/// F40: the same, with less memory than that takes: some of them are turned away, and that is all.
void capped_statuses(stage& on) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    throw row_skipped("sanitizers need more address space than any cap leaves them");
#endif
    witnesses good(on, "ulimit -v 700000;");
    auto registered = large_registrations(on, large_workers);
    for (int i = 0; i < 2; ++i) {
        std::atomic<std::size_t> asked = 0;
        std::printf("%zu of %zu were told the status\n", ask_for_status(on, asked), askers);
    }
    good.judge(large_workers * 2 * mib + 2 * 64 * mib);
    registered.clear();
    good.go_on();
    on.check(on.parkserver().alive(), "the parkserver has ended");
}

/// F46: a worker that is of another type each time.
void many_types(stage& on) {
    witnesses good(on);
    spec::register_worker self;
    self.worker = spec::fresh_id();
    self.interval_ms = 3'600'000;
    std::deque<raw_tcp> one;
    one.push_back(stranger(on.endpoint()));
    constexpr std::size_t registrations = 200'000;
    std::thread reader([&] {
        (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);
        for (std::size_t i = 0; i < registrations && !one[0].read_frame().empty(); ++i) {
        }
    });
    all_at_once(one, [&](raw_tcp& each, std::size_t) {
        std::string many;
        for (std::size_t i = 0; i < registrations; ++i) {
            self.type = "type" + std::to_string(i) + std::string(100, 'x');
            self.incarnation = i + 1;
            many += raw_tcp::frame(spec::control(self).front());
            if (i % 100 != 99) continue;
            (void)each.write(many);
            many.clear();
        }
    });
    reader.join();
    good.judge(0);
}

/// A worker that is leased to a manager by hand, over a link of its own.
class target {
public:
    explicit target(stage& on, const words& more = {}) : on_(on), boss_(on.endpoint()) {
        words all{"--type", "target", "--interval-ms", "1000", "--liveness", "3"};
        all.insert(all.end(), more.begin(), more.end());
        worker = &on.worker(all);
        boss_.self.features = {"streams"};
        boss_.ask_for(1, "target");
        to_.emplace(boss_.welcome_one());
        const auto& all_functions = to_->said.signatures;
        const auto found = std::find(all_functions.begin(), all_functions.end(), give.signature());
        if (found == all_functions.end()) throw row_failed("the worker has no such function");
        function_ = static_cast<spec::u16>(found - all_functions.begin());
    }
    peer* worker = nullptr;
    [[nodiscard]] spec::link& link() { return to_->link; }

    [[nodiscard]] spec::record call(spec::u64 number, const std::string& when = {},
                                    spec::u64 bytes = 0) const {
        return spec::a_call({number, 1}, function_, spec::payload(when, bytes));
    }
    /// Calls from `first` on, all of which wait for that file.
    void call_all(spec::u64 first, std::size_t count, const std::string& when) {
        send(count, [&](std::size_t i) { return call(first + i, when); });
    }
    template <class Make>
    void send(std::size_t count, Make make) {
        constexpr std::size_t at_a_time = 1000;
        for (std::size_t sent = 0; sent < count;) {
            std::vector<spec::record> some;
            for (; some.size() < at_a_time && sent < count; ++sent) some.push_back(make(sent));
            link().send(some);
        }
    }
    /// How many of each type come, until so many have come.
    [[nodiscard]] std::map<spec::u8, std::size_t> answers(std::size_t count) {
        std::map<spec::u8, std::size_t> made;
        while (count > 0) {
            const auto got = link().receive(patience);
            if (!got) throw row_failed("a call was not answered");
            if (got->type != spec::r_result && got->type != spec::r_returned) continue;
            ++made[got->type];
            --count;
        }
        return made;
    }
    void check_never_lost() {
        for (const auto& log : {on_.log_of(*worker), on_.file("parkserver.log")}) {
            const auto lost = log_book(log).losses();
            on_.check(lost == 0, log + " tells of " + std::to_string(lost) + " losses");
        }
    }

private:
    stage& on_;
    spec::fake_manager boss_;
    std::optional<spec::fake_manager::guest> to_;
    spec::u16 function_ = 0;
};

constexpr std::size_t flood_bytes = 20'000'000;
constexpr std::size_t queued = 16'000;
constexpr spec::u64 nobodys = 1'000'000;  // calls from here on were never made

void open_gate(const std::string& file) { std::ofstream(file) << "open"; }

/// F47: 20 MB of cancels behind 16,000 calls that wait, and one that runs.
void cancel_flood(stage& on) {
    witnesses good(on);
    target at(on);
    good.watch("the worker", at.worker->pid());
    const std::string gate = on.file("gate");
    at.call_all(1, 1 + queued, gate);
    const auto cancel = [](spec::u64 of) {
        return spec::to_record(spec::r_cancel, spec::attempt{of, 1});
    };
    constexpr std::size_t cancel_bytes = 20;
    at.send(flood_bytes / cancel_bytes, [&](std::size_t i) { return cancel(nobodys + i); });
    constexpr std::size_t cancelled = queued / 16;
    at.send(cancelled, [&](std::size_t i) { return cancel(2 + 16 * i); });
    on.check(at.link().never(spec::r_result), "the function did not wait");
    open_gate(gate);
    auto came = at.answers(1 + queued);
    on.check(came[spec::r_returned] == cancelled,
             std::to_string(came[spec::r_returned]) + " calls were cancelled");
    at.link().send(at.call(queued + 2));
    on.check(at.answers(1)[spec::r_result] == 1, "a good call has no result");
    at.check_never_lost();
    good.judge(0);
}

/// The same, by who is being set up for its lease: credit for 16,000 calls that wait, and for none.
void credit_flood(stage& on) {
    witnesses good(on);
    const std::string gate = on.file("gate");
    target at(on, {"--set-up-when", gate});
    good.watch("the worker", at.worker->pid());
    at.call_all(1, queued, {});
    constexpr std::size_t more_bytes = 32;
    at.send(flood_bytes / more_bytes, [&](std::size_t i) {
        const spec::u64 of = i < queued ? 1 + i : nobodys + i;
        return spec::record{spec::r_more,
                            0,
                            0,
                            spec::payload(spec::attempt{of, 1}, spec::u32{1}, spec::u64{1}),
                            {}};
    });
    on.check(at.link().never(spec::r_result), "it was not being set up");
    open_gate(gate);
    on.check(at.answers(queued)[spec::r_result] == queued, "a call has no result");
    at.check_never_lost();
    good.judge(0);
}

}  // namespace

std::vector<row> rows_of_floods() {
    const auto row = [](const char* name, const char* fault, void (*play)(stage&)) {
        return faults::row{name, fault, play, over::tcp_only, weight::heavy};
    };
    return {
        row("bad-peers", "1,500 peers of 5,000 messages that nobody can read", bad_peers),
        row("large-statuses", "60 registrations of 1 MiB, and 100 who ask for the status",
            large_statuses),
        row("cancel-flood", "20 MB of cancels behind 16,000 calls that wait", cancel_flood),
        row("credit-flood", "20 MB of credit for a worker that is being set up", credit_flood),
        row("capped-statuses", "the same, with 700 MB of address space", capped_statuses),
        row("many-types", "a worker that is 200,000 types, one after the other", many_types),
    };
}

}  // namespace faults
