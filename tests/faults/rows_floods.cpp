// Many peers at a time that want a process's time for themselves: floods of what is wrong, large or over at
// once (witnesses.hpp).
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <thread>

#include "rows.hpp"
#include "watch.hpp"
#include "witnesses.hpp"

namespace faults {

namespace {

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

/// F40: registrations as large as they may be, and everybody asks for the status.
void large_statuses(stage& on) {
    witnesses good(on);
    constexpr std::size_t workers = 60, askers = 60, deaf = 40;
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
    const auto query = raw_tcp::frame(spec::control(spec::status_query{}).front());
    std::deque<raw_tcp> asking;
    while (asking.size() < askers + deaf) asking.push_back(stranger(on.endpoint()));
    std::atomic<std::size_t> told = 0;
    all_at_once(asking, [&](raw_tcp& each, std::size_t number) {
        each.write(query);
        if (number >= askers) return;  // it does not read
        std::string size;
        const std::string flags = each.read(1);
        if (!flags.empty()) size = each.read((flags[0] & 2) != 0 ? 8 : 1);
        std::size_t left = 0;
        for (const char byte : size) left = left << 8 | static_cast<unsigned char>(byte);
        const std::size_t bytes = left;
        for (std::string got = "x"; left > 0 && !got.empty(); left -= got.size()) {
            got = each.read(std::min<std::size_t>(left, 1 << 16));
        }
        if (left == 0 && bytes > workers * 1'000'000) ++told;
    });
    on.check(told > 0, "nobody was told the status");
    std::printf("%zu of %zu were told the status\n", told.load(), askers);
    // The registrations are as large as their peers may make them, and two statuses may wait.
    good.judge(workers * 2 * mib + 2 * 64 * mib);
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

}  // namespace

std::vector<row> rows_of_floods() {
    const auto row = [](const char* name, const char* fault, void (*play)(stage&)) {
        return faults::row{name, fault, play, over::tcp_only, weight::heavy};
    };
    return {
        row("bad-peers", "1,500 peers of 5,000 messages that nobody can read", bad_peers),
        row("large-statuses", "60 registrations of 1 MiB, and 100 who ask for the status",
            large_statuses),
        row("many-types", "a worker that is 200,000 types, one after the other", many_types),
    };
}

}  // namespace faults
