// Wall clocks that jump, and machines that sleep.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "logs.hpp"
#include "rows.hpp"

namespace faults {

namespace {

using maus::worker_state;
using maus::base::instant;

std::string faketime_library() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    throw row_skipped("a sanitizer has to be the first library of a process, and libfaketime too");
#endif
    for (const auto& each : std::filesystem::directory_iterator("/usr/lib")) {
        const auto found = each.path() / "faketime" / "libfaketimeMT.so.1";
        if (std::filesystem::exists(found)) return found;
    }
    throw row_skipped("libfaketime is not installed (faketime)");
}

/// A wall clock for processes, which is turned while they run. Their other clocks go as ever.
class wall_clock {
public:
    explicit wall_clock(stage& on) : file_(on.file("clock")) {
        words_ = "export LD_PRELOAD=" + faketime_library() +
                 " DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1"
                 " FAKETIME_TIMESTAMP_FILE=" +
                 file_ + ";";
        turn("+0");
    }
    /// For whoever shall have this clock (see stage::worker).
    [[nodiscard]] const std::string& words() const { return words_; }
    /// By so much from the real time, such as "-2d".
    void turn(const std::string& by) {
        std::ofstream(file_ + ".new") << by << '\n';
        std::filesystem::rename(file_ + ".new", file_);
    }

private:
    std::string file_;
    std::string words_;
};

/// Of the leases under which a manager's calls were started: the epoch of the last. A parkserver takes
/// it from its wall clock when it begins: microseconds.
std::uint64_t epoch_of(peer& manager, const std::vector<peer*>& team) {
    std::uint64_t newest = 0;
    for (auto* each : team) {
        each->refresh();
        for (const auto& fact : each->facts()) {
            if (fact.what != kind::started || to_string(fact.manager) != manager.id()) continue;
            newest = std::max(newest, fact.lease.epoch);
        }
    }
    return newest;
}

void clock_jump(stage& on) {
    wall_clock clock(on);
    on.start_parkserver(clock.words());
    std::vector<peer*> team;
    for (int i = 0; i < 3; ++i) team.push_back(&on.worker({}, clock.words()));
    auto& boss = on.manager(calm({"--amount", "2", "--timeout-ms", "60000"}), clock.words());
    on.wait_for(boss, kind::settled, 50);
    for (const char* by : {"+1h", "-1h", "+300d", "-300d", "+0"}) {
        clock.turn(by);
        on.wait_for(boss, kind::settled, 50);
    }
    // A parkserver that comes back in its own past.
    const auto before = epoch_of(boss, team);
    on.kill_parkserver();
    clock.turn("-1h");
    on.start_parkserver(clock.words());
    on.wait_for_workers(2, worker_state::leased);
    on.wait_for_workers(1, worker_state::available);
    auto& late = on.manager({"--amount", "1"}, clock.words());
    on.wait_for(late, kind::settled, 20);
    on.wait_for(boss, kind::settled, 50);
    const auto after = epoch_of(late, team);
    on.check(after != 0 && after + 3'000'000'000 < before,
             "no clock was turned: libfaketime does nothing");
    on.check(boss.count(kind::left) == 0, "a lease ended for a clock that jumped");
    for (const auto& each : boss.facts()) {
        on.check(!each.error, "a call failed for a clock that jumped: " + each.text);
    }
}

struct night {
    instant over;
    instant noticed = over;  ///< when the last worker was lost for it
};

/// A lease that is shorter than a night is over in the morning ([P-35]). But each worker is lost once
/// then and nobody at another time, and only calls fail that a lost worker had and may not be moved.
void check_nights(stage& on, peer& boss, std::vector<night> nights) {
    const auto of_night = [&](instant at) {  // the last that was over then
        return std::find_if(nights.rbegin(), nights.rend(),
                            [&](const night& each) { return each.over <= at; });
    };
    std::map<std::uint64_t, fact> asked;
    std::set<std::pair<instant, maus::base::worker_id>> lost;
    for (const auto& each : boss.facts()) {
        if (each.what == kind::submitted) asked[each.ticket] = each;
        if (each.what != kind::left) continue;
        const auto one = of_night(each.at);
        on.check(one != nights.rend(), "a lease ended before any night: " + each.text);
        if (one == nights.rend()) continue;
        one->noticed = each.at;
        on.check(lost.emplace(one->over, each.worker).second,
                 "a worker was lost twice after a night: " + each.text);
    }
    for (const auto& each : boss.facts()) {
        if (each.what != kind::settled || !each.error) continue;
        const fact& call = asked.at(each.ticket);
        const auto one = of_night(each.at);
        const bool over_night = one != nights.rend() && call.at <= one->noticed;
        const bool may_not_be_moved =
            call.at_most_once &&
            (each.error == maus::errc::maybe_executed || each.error == maus::errc::cancelled);
        on.check(over_night && may_not_be_moved,
                 "a call failed, and no night explains it: " + each.text);
    }
}

/// To a process a machine that sleeps is one that is stopped together with all others, while its
/// clocks go on.
void suspend(stage& on) {
    on.start_parkserver();
    // Leases that are shorter than a night, and some that are longer.
    auto& boss = on.manager(
        {"--amount", "2", "--once-every", "10", "--interval-ms", "500", "--liveness", "4"});
    const auto team = on.workers(3);
    const words longer = calm({"--type", "longer"});
    const auto calm_team = on.workers(2, longer);
    auto& calm_boss = on.manager([&] {
        words more = longer;
        more.insert(more.end(), {"--amount", "2", "--once-every", "10", "--timeout-ms", "60000"});
        return more;
    }());
    std::vector<maus_test::process*> all{&on.parkserver(), &boss.process(), &calm_boss.process()};
    for (const auto* some : {&team, &calm_team}) {
        for (auto* each : *some) all.push_back(&each->process());
    }
    std::vector<night> nights;
    for (int i = 0; i < 2; ++i) {
        for (auto* each : {&boss, &calm_boss}) on.wait_for(*each, kind::settled, 50);
        for (auto* each : all) each->signal(SIGSTOP);
        ::usleep(2'500'000);  // longer than the leases of the first
        nights.push_back({now()});
        for (auto* each : all) each->signal(SIGCONT);
    }
    for (auto* each : {&boss, &calm_boss}) on.wait_for(*each, kind::settled, 50);
    on.wait_for_workers(4, worker_state::leased);
    on.wait_for_workers(1, worker_state::available);
    boss.refresh();
    check_nights(on, boss, nights);
    on.check(calm_boss.count(kind::left) == 0, "a lease expired that was longer than the night");
    for (const auto& each : calm_boss.facts()) {
        on.check(!each.error, "a call failed though no lease expired: " + each.text);
    }
    for (const auto* each : {&calm_boss, calm_team.front(), calm_team.back()}) {
        on.check(log_book(on.log_of(*each)).losses() == 0,
                 each->name() + " lost somebody in a night that was shorter than its patience");
    }
}

}  // namespace

std::vector<row> rows_of_clocks() {
    return {
        {"clock-jump", "the wall clock jumps by hours and months, both ways", clock_jump},
        {"suspend", "all processes stop for longer than some of their leases, and go on", suspend},
    };
}

}  // namespace faults
