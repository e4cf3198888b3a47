// What networks do: partitions by nft between two namespaces, and a proxy of ours.
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "proxy.hpp"
#include "rows.hpp"
#include "space.hpp"

namespace faults {

namespace {

using maus::worker_state;

/// Whether the kernel asks each peer of that port, now and then, if it is still there.
bool asks_whether_peers_live(const std::string& port) {
    char hex[8];
    std::snprintf(hex, sizeof hex, ":%04X", std::stoi(port));
    std::ifstream table("/proc/self/net/tcp");
    std::string line, slot, local, remote, state, queues, timer;
    bool some = false;
    for (std::getline(table, line); std::getline(table, line);) {
        std::istringstream(line) >> slot >> local >> remote >> state >> queues >> timer;
        if (state != "01" || !local.ends_with(hex)) continue;  // 01: established
        if (!timer.starts_with("02")) return false;            // 02: keepalive
        some = true;
    }
    return some;
}

void partition(stage& on, space::direction which) {
    const auto made = std::make_shared<space>();
    on.keep_to_the_end(made);
    space& cable = *made;
    on.live_at(space::host());
    on.start_parkserver();
    (void)on.worker();
    (void)on.workers(2, {"--space", cable.far_side()});
    auto& boss = on.manager({"--amount", "3", "--once-every", "10"});
    on.wait_for_all(boss, kind::joined, 3);
    on.wait_for(boss, kind::settled, 50);
    // Who vanishes behind a network for good would else keep a descriptor for ever.
    on.wait("keepalive on all of the parkserver's connections", [&] {
        return asks_whether_peers_live(on.endpoint().substr(on.endpoint().rfind(':') + 1));
    });
    cable.cut(which);
    on.wait("both workers beyond to be given up", [&] { return boss.count(kind::left) >= 2; });
    on.wait_for(boss, kind::settled, 50);
    cable.heal();
    on.wait("both workers to be back",
            [&] { return boss.count(kind::joined) >= 3 + boss.count(kind::left); });
    on.wait_for(boss, kind::settled, 50);
}

/// A manager and three workers that reach it and the parkserver through proxies.
struct proxied {
    explicit proxied(stage& on) : to_park(start_park(on)) {
        on.parkserver_seen_at = to_park.endpoint();
        const std::string place = on.place();
        to_boss.emplace(place);
        team = on.workers(3);
        boss = &on.manager({"--amount", "3", "--once-every", "10", "--extra-bytes", "100",
                            "--endpoint", place, "--advertise", to_boss->endpoint()});
    }
    static proxied& on_stage(stage& on) {
        const auto made = std::make_shared<proxied>(on);
        on.keep(made);
        return *made;
    }
    static std::string start_park(stage& on) {
        on.start_parkserver();
        return on.endpoint();
    }
    proxy to_park;
    std::optional<proxy> to_boss;
    std::vector<peer*> team;
    peer* boss = nullptr;
};

void delay(stage& on) {
    proxied& all = proxied::on_stage(on);
    on.wait_for(*all.boss, kind::settled, 50);
    all.to_boss->delay(30ms);
    all.to_park.delay(30ms);
    on.wait_for(*all.boss, kind::settled, 100);
    on.kill(on.busy(all.team));
    (void)on.worker();
    on.wait_for(*all.boss, kind::settled, 50);
}

void reorder(stage& on) {
    proxied& all = proxied::on_stage(on);
    on.wait_for(*all.boss, kind::settled, 50);
    all.to_boss->reorder(true);
    all.to_park.reorder(true);
    for (int i = 0; i < 3; ++i) {
        const std::size_t joined = all.boss->count(kind::joined);
        all.to_boss->reset();
        all.to_park.reset();
        on.wait("workers to be back", [&] { return all.boss->count(kind::joined) >= joined + 3; });
        on.wait_for(*all.boss, kind::settled, 50);
    }
}

void loss(stage& on) {
    proxied& all = proxied::on_stage(on);
    on.wait_for(*all.boss, kind::settled, 50);
    const std::size_t joined = all.boss->count(kind::joined), left = all.boss->count(kind::left);
    all.to_boss->stall(true);
    on.wait("all to be given up", [&] { return all.boss->count(kind::left) >= left + 3; });
    all.to_boss->stall(false);
    on.wait("all to be back", [&] { return all.boss->count(kind::joined) >= joined + 3; });
    on.wait_for(*all.boss, kind::settled, 50);
    // The same between the parkserver and everybody: leases go on.
    all.to_park.stall(true);
    on.wait_for_workers(0, worker_state::leased);
    on.wait_for(*all.boss, kind::settled, 50);
    all.to_park.stall(false);
    on.wait_for_workers(3, worker_state::leased);
}

void duplicate(stage& on) {
    proxied& all = proxied::on_stage(on);
    on.wait_for(*all.boss, kind::settled, 50);
    for (int i = 0; i < 3; ++i) {
        const std::size_t joined = all.boss->count(kind::joined);
        all.to_boss->orphan();
        all.to_park.orphan();
        on.wait("workers to be back", [&] { return all.boss->count(kind::joined) >= joined + 3; });
        on.wait_for(*all.boss, kind::settled, 50);
    }
}

void half_close(stage& on) {
    proxied& all = proxied::on_stage(on);
    on.wait_for(*all.boss, kind::settled, 50);
    for (int i = 0; i < 2; ++i) {
        const std::size_t joined = all.boss->count(kind::joined);
        all.to_boss->half_close();
        all.to_park.half_close();
        on.wait("workers to be back", [&] { return all.boss->count(kind::joined) >= joined + 3; });
        on.wait_for(*all.boss, kind::settled, 50);
    }
}

void byte_by_byte(stage& on) {
    proxied& all = proxied::on_stage(on);
    all.to_boss->byte_by_byte(true);
    all.to_park.byte_by_byte(true);
    on.wait_for(*all.boss, kind::settled, 100);
    const std::size_t joined = all.boss->count(kind::joined);
    all.to_boss->reset();
    all.to_park.reset();
    on.wait("workers to be back", [&] { return all.boss->count(kind::joined) >= joined + 3; });
    on.wait_for(*all.boss, kind::settled, 50);
}

void reset(stage& on) {
    proxied& all = proxied::on_stage(on);
    on.expect_in_logs(stage::no_hello);
    on.wait_for(*all.boss, kind::settled, 50);
    for (int i = 0; i < 5; ++i) {
        const std::size_t joined = all.boss->count(kind::joined);
        all.to_boss->reset();
        on.wait("workers to be back", [&] { return all.boss->count(kind::joined) >= joined + 3; });
        on.wait_for(*all.boss, kind::settled, 30);
        all.to_park.reset();
    }
}

const words usual_beat = {"--interval-ms", "1000", "--liveness", "3"};

/// A manager and a worker on a link of so many bytes a second; gives what the manager's arguments are to go on with.
words paced_link(stage& on, std::size_t bytes_a_second, bool relayed) {
    on.start_parkserver();
    const auto to_park = std::make_shared<proxy>(on.endpoint());
    on.keep(to_park);
    on.parkserver_seen_at = to_park->endpoint();
    const std::string place = on.place();
    const auto to_boss = std::make_shared<proxy>(place);
    on.keep(to_boss);
    for (const auto& each : {to_park, to_boss}) each->pace(bytes_a_second);
    words boss = {"--amount", "1"};
    boss.insert(boss.end(), usual_beat.begin(), usual_beat.end());
    const words way = relayed ? words{"--relayed"}
                              : words{"--endpoint", place, "--advertise", to_boss->endpoint()};
    boss.insert(boss.end(), way.begin(), way.end());
    return boss;
}

// 12 MiB there and back at 2 MiB/s, with heartbeats that a payload of 6 MiB would keep waiting, and
// small calls beside them.
void slow_transfer(stage& on, bool relayed) {
    words boss = paced_link(on, 2u << 20, relayed);
    const words calls = {"--outstanding", "2",  "--large-every", "20",
                         "--once-every",  "40", "--large-bytes", "12582912"};
    boss.insert(boss.end(), calls.begin(), calls.end());
    peer& worker = on.worker(usual_beat);
    peer& manager = on.manager(boss);
    on.wait(
        "two large calls, and small ones beside them",
        [&] { return worker.count(kind::ended) >= 45; }, 4 * patience);
    on.ask_to_end(manager);
    on.wait_for_end(manager);
    on.check(manager.workers_lost() == 0, "a worker was lost");
    on.check(on.metric(manager, "reassigned") == 0, "a call was executed again");
}

// 48 MiB there and back at 256 KiB/s: three minutes each way, in which five small calls a second wait behind it.
void large_transfer(stage& on, bool relayed) {
    constexpr std::uint64_t large = 20;
    constexpr std::chrono::minutes bound{15};
    words boss = paced_link(on, 256u << 10, relayed);
    const words calls = {"--outstanding", "1000", "--rate",        "5",
                         "--large-at",    "20",   "--large-bytes", "50331648"};
    boss.insert(boss.end(), calls.begin(), calls.end());
    (void)on.worker(usual_beat);
    peer& manager = on.manager(boss);
    const std::uint64_t ticket = (std::uint64_t{manager.number()} << 32) + large;
    std::map<std::uint64_t, maus::base::instant> begun;
    maus::base::duration most{};
    std::size_t seen = 0;
    bool arrived = false;
    const auto look = [&] {
        manager.refresh();
        for (; seen < manager.facts().size(); ++seen) {
            const fact& each = manager.facts()[seen];
            if (each.what == kind::submitted) begun[each.ticket] = each.at;
            if (each.what != kind::settled) continue;
            if (each.ticket == ticket) {
                arrived = !each.error && each.right;
            } else {
                most = std::max(most, each.at - begun[each.ticket]);
            }
        }
        return begun.contains(ticket) && arrived;
    };
    on.wait("48 MiB to come back", look, bound);
    on.ask_to_end(manager);
    on.wait_for_end(manager);
    (void)look();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(most).count();
    on.check(most <= 1s, "a small call beside it took " + std::to_string(ms) + " ms");
    on.check(manager.workers_lost() == 0, "a worker was lost");
    on.check(on.metric(manager, "reassigned") == 0, "a call was executed again");
}

}  // namespace

std::vector<row> rows_of_networks() {
    const auto cut = [](space::direction which) {
        return [which](stage& on) { partition(on, which); };
    };
    using direction = space::direction;
    return {
        {"partition", "nft drops all between two namespaces", cut(direction::both), over::tcp_only},
        {"partition-from-workers", "nft drops what workers say", cut(direction::from_far_side),
         over::tcp_only},
        {"partition-to-workers", "nft drops what workers are told", cut(direction::to_far_side),
         over::tcp_only},
        {"delay", "up to 30 ms on each piece, by the proxy", delay, over::tcp_only},
        {"reorder", "connections that arrive in another order", reorder, over::tcp_only},
        {"slow-transfer", "12 MiB there and back at 2 MiB/s",
         [](stage& on) { slow_transfer(on, false); }, over::tcp_only},
        {"slow-transfer-relayed", "the same through the parkserver",
         [](stage& on) { slow_transfer(on, true); }, over::tcp_only},
        {"large-transfer", "48 MiB there and back at 256 KiB/s, and small calls beside them",
         [](stage& on) { large_transfer(on, false); }, over::tcp_only, weight::heavy},
        {"large-transfer-relayed", "the same through the parkserver",
         [](stage& on) { large_transfer(on, true); }, over::tcp_only, weight::heavy},
        {"loss", "nothing passes for a while", loss, over::tcp_only},
        {"duplicate", "a second connection while the first still seems to live", duplicate,
         over::tcp_only},
        {"half-close", "one direction ends, the other goes on", half_close, over::tcp_only},
        {"byte-by-byte", "each byte a segment of its own", byte_by_byte, over::tcp_only},
        {"reset", "connections that are reset", reset, over::tcp_only},
    };
}

}  // namespace faults
