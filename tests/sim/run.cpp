#include "run.hpp"

#include <functional>

#include "chaos.hpp"
#include "peers.hpp"
#include "stranger.hpp"

namespace maus::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

world::world(const plan& drawn, history::witness check, bool trace)
    : how(drawn),
      luck(drawn.seed ^ 0x5851F42D4C957F2Du),
      past(time, std::move(check), trace),
      net(time, how, luck, past, faults) {
    const auto add = [&](auto made, auto& kind) {
        kind.push_back(made.get());
        net.add(*made);
        processes.push_back(std::move(made));
    };
    const auto next = [&] { return static_cast<std::uint32_t>(processes.size()); };
    for (std::uint32_t i = 0; i < how.parkservers; ++i)
        add(std::make_unique<parkserver_process>(*this, next()), parkservers);
    for (std::uint32_t i = 0; i < how.managers; ++i)
        add(std::make_unique<manager_process>(*this, next()), managers);
    for (std::uint32_t i = 0; i < how.workers; ++i)
        add(std::make_unique<worker_process>(*this, next(), false), workers);
    for (std::uint32_t i = 0; i < how.direct_workers; ++i)
        add(std::make_unique<worker_process>(*this, next(), true), workers);
    for (std::uint32_t i = 0; i < how.strangers; ++i)
        add(std::make_unique<stranger>(*this, next()), strangers);
}

world::~world() = default;

namespace {

class stage {
public:
    explicit stage(world& in) : world_(in), chaos_(in) {}

    void play() {
        for (const auto& each : world_.processes) {
            each->boot_in(between(world_.luck, {}, milliseconds{200}));
        }
        chaos_.begin();
        go_on(world_.how.chaos);
        chaos_.heal();
        const instant quiet =
            world_.time.time() + between(world_.luck, milliseconds{500}, seconds{6});
        wait_until(
            [&] {
                watch_tables();
                return world_.time.time() >= quiet;
            },
            seconds{10});
        stay_steady();
        world_.phase = phase::quiet;
        world_.past.say("--- quiet");
        settle_down();
        come_to_rest();
        part();
        // At last, so that each life that ends here has its counters looked at.
        for (auto* each : world_.parkservers) each->stop();
    }

private:
    void go_on(duration how_long) {
        if (storm_ || world_.time.run_until(world_.time.time() + how_long)) return;
        storm_ = true;
        stuck(0, "so much happens that it can't be of use");
    }

    // Nobody comes, goes or asks for anything new: shares become fair and workers stay where they are.
    void stay_steady() {
        if (world_.how.steady == duration{}) return;
        world_.phase = phase::steady;
        world_.past.say("--- steady");
        const instant end = world_.time.time() + world_.how.steady;
        wait_until(
            [&] {
                watch_tables();
                watch_shares();
                return world_.time.time() >= end;
            },
            world_.how.steady + seconds{1});
    }

    bool wait_until(const std::function<bool()>& true_at_last, duration bound) {
        const instant end = world_.time.time() + bound;
        while (!true_at_last()) {
            if (world_.time.time() >= end || storm_) return false;
            go_on(milliseconds{50});
        }
        return true;
    }

    void stuck(std::uint32_t process, const std::string& text) {
        fact told;
        told.what = fact::kind::stuck;
        told.process = process;
        told.text = text;
        world_.past.add(std::move(told));
    }

    // Each call settles and each request is served, so that each program can release what it had.
    void settle_down() {
        const auto idle = [&] {
            watch_fairness();
            watch_tables();
            for (const auto* each : world_.managers) {
                const program* user = each->user();
                if (user == nullptr || user->outstanding() > 0 || !user->requests().empty())
                    return false;
            }
            return true;
        };
        // The slowest there is: all that may be outstanding, slow, one after the other.
        const auto calls = world_.how.managers * world_.how.outstanding_max;
        const duration work = calls * world_.how.slow_max;
        // And each poison call takes its workers with it, which come back slowly.
        const duration lives = std::chrono::duration_cast<duration>(
            calls * world_.how.poison * 5 * (world_.how.link_timeout + seconds{1}));
        if (wait_until(idle, seconds{60} + lives + (world_.how.slow > 0 ? work : duration{})))
            return;
        for (const auto* each : world_.managers) {
            const program* user = each->user();
            if (user == nullptr) {
                stuck(each->number(), "the manager is not up");
                continue;
            }
            if (user->outstanding() > 0) {
                stuck(each->number(), std::to_string(user->outstanding()) + " calls do not settle");
            }
            for (const auto& [group, request] : user->requests()) {
                stuck(each->number(), "request " + std::to_string(group.value) + " for " +
                                          std::to_string(request.amount) + " of " + request.type +
                                          " is not served and released; it has " +
                                          std::to_string(each->core()->workers_of(group)) +
                                          " workers and " + std::to_string(request.calls) +
                                          " calls");
            }
        }
        world_.past.say(status());
    }

    // Workers must not idle for long while each waiting request could have some.
    void watch_fairness() {
        for (std::uint32_t type = 0; type < world_.how.types; ++type) {
            const std::string name = type_name(type);
            std::uint32_t idle = 0;
            for (const auto* each : world_.workers) {
                if (each->type() == name && each->core() != nullptr &&
                    each->core()->now_in() == core::worker::state::free) {
                    ++idle;
                }
            }
            bool some_wait = false, all_can = true;
            std::size_t joined = 0;
            for (const auto* each : world_.managers) {
                if (each->user() == nullptr) continue;
                for (const auto& [group, request] : each->user()->requests()) {
                    if (request.type != name) continue;
                    const auto has = static_cast<std::uint32_t>(each->core()->workers_of(group));
                    const std::uint32_t wants = std::max(request.amount, 1u);
                    if (has >= wants) continue;
                    some_wait = true;
                    joined += request.joined;
                    // In a new session nobody knows of a request with no worker that it was served.
                    const std::uint32_t needs = has > 0 ? 1 : wants;
                    all_can = all_can && needs <= idle;
                }
            }
            // A request that gets workers, though its calls may be the end of them, does not wait.
            auto& since = unfair_since_[type];
            if (!some_wait || !all_can || idle == 0 || joined != since.second) {
                since = {world_.time.time(), joined};
            }
            if (world_.time.time() - since.first == seconds{15}) {
                stuck(0, "workers of " + name + " idle while requests wait");
                world_.past.say(status());
            }
        }
    }

    /// What of a type could move, as the managers and workers themselves are.
    struct room {
        std::uint32_t idle = 0;
        std::uint32_t above_min = 0;  // of elastic requests
        std::uint32_t richest = 0;    // that may give
        std::uint32_t poorest = ~0u;  // that may take
        bool somebody_waits = false;
        bool oldest_waits = false;  // somebody does, and would have enough
        [[nodiscard]] bool is_fair() const {
            const bool uneven = poorest != ~0u && richest >= poorest + 2;
            const bool unused = poorest != ~0u && idle > 0 && !somebody_waits;
            return !uneven && !unused && !oldest_waits;
        }
    };
    [[nodiscard]] room room_in(const std::string& type) const {
        room made;
        std::uint32_t most_missing = 0;
        for (const auto* each : world_.workers) {
            const bool is_free = each->core() != nullptr && each->type() == type &&
                                 each->core()->now_in() == core::worker::state::free;
            if (is_free) ++made.idle;
        }
        for (const auto* each : world_.managers) {
            if (each->user() == nullptr) continue;
            for (const auto& [group, request] : each->user()->requests()) {
                if (request.type != type) continue;
                const auto has = static_cast<std::uint32_t>(each->core()->workers_of(group));
                const std::uint32_t wants = std::max(request.amount, 1u);
                if (has < wants) {
                    made.somebody_waits = true;
                    most_missing = std::max(most_missing, wants - has);
                } else if (request.range) {
                    made.above_min += has - request.range->min;
                    const bool may_take = request.range->max == 0 || has < request.range->max;
                    if (has > request.range->min) made.richest = std::max(made.richest, has);
                    if (may_take) made.poorest = std::min(made.poorest, has);
                }
            }
        }
        // Whoever is the oldest of those that wait, there would be enough.
        made.oldest_waits = made.somebody_waits && most_missing <= made.idle + made.above_min;
        return made;
    }
    [[nodiscard]] bool all_know_each_other() const {
        const auto knows_all = [&](const auto* each) {
            return each->core() != nullptr &&
                   each->core()->registrations() == world_.parkservers.size();
        };
        return !world_.parkservers.empty() &&
               std::all_of(world_.managers.begin(), world_.managers.end(), knows_all) &&
               std::all_of(world_.workers.begin(), world_.workers.end(),
                           [&](const auto* each) { return each->is_direct() || knows_all(each); });
    }

    // Fair shares, nobody waits for what others have above their min, and nobody idles for nothing.
    void watch_shares() {
        for (std::uint32_t type = 0; type < world_.how.types; ++type) {
            auto& since = uneven_since_[type];
            if (!all_know_each_other() || room_in(type_name(type)).is_fair()) {
                since = world_.time.time();
            }
            if (world_.time.time() - since == seconds{10}) {
                stuck(0, "the shares of " + type_name(type) + " are not fair");
                world_.past.say(status());
            }
        }
    }

    // Who is registered is seen by each parkserver as it is: a worker serves by the lease that the
    // parkserver has for it, or is free where the parkserver takes it for free.
    void watch_tables() {
        if (++samples_ % 5 != 0) return;
        for (const auto* at : world_.parkservers) {
            if (at->core() == nullptr) continue;
            std::map<base::worker_id, wire::worker_status> table;
            const wire::status told = at->core()->status(instant{});
            for (auto& each : told.workers) table[each.worker] = each;
            // By whose lease a worker serves is not known where its manager is not registered.
            const bool knows_all = std::all_of(
                world_.managers.begin(), world_.managers.end(), [&](const auto* manager) {
                    return manager->core() == nullptr ||
                           std::any_of(
                               told.managers.begin(), told.managers.end(),
                               [&](const auto& row) { return row.manager == manager->id(); });
                });
            watch_counts(*at, told);
            for (const auto* each : world_.workers) {
                auto& since = differs_since_[{at->number(), each->number()}];
                const auto is =
                    each->core() == nullptr ? core::worker::state::stopped : each->core()->now_in();
                const auto row = table.find(each->id());
                const bool serves =
                    is == core::worker::state::serving || is == core::worker::state::preparing;
                const bool to_compare = !each->is_direct() &&
                                        (serves || is == core::worker::state::free) &&
                                        each->core()->registrations() == world_.parkservers.size();
                const bool leased =
                    row != table.end() && row->second.state == wire::worker_state::leased;
                const bool occupied =
                    row != table.end() && row->second.state == wire::worker_state::occupied;
                const bool same = row != table.end() &&
                                  (serves ? (leased && row->second.lease == each->lease()) ||
                                                (occupied && !knows_all)
                                          : !occupied && !leased);
                if (!to_compare || same || since.second != each->lease()) {
                    since = {world_.time.time(), each->lease()};
                }
                if (world_.time.time() - since.first == seconds{3}) {
                    stuck(at->number(), each->name() + " is " + std::string(to_string(is)) +
                                            ", but the parkserver's table does not say so");
                    world_.past.say(status());
                }
            }
        }
    }

    // All workers are free or serve somebody: none is on its way from one to the other, or hangs on it.
    [[nodiscard]] bool all_rest() const {
        return std::all_of(world_.workers.begin(), world_.workers.end(), [](const auto* each) {
            if (each->core() == nullptr) return false;
            const auto is = each->core()->now_in();
            return is == core::worker::state::free || is == core::worker::state::serving;
        });
    }

    // At rest a parkserver counts for a request whom its manager has. Strangers are offered what they do not
    // take, again and again.
    void watch_counts(const parkserver_process& at, const wire::status& told) {
        for (const auto* each : world_.managers) {
            for (const auto& row : told.requests) {
                if (each->core() == nullptr || row.manager != each->id()) continue;
                const base::group_id group{static_cast<std::uint32_t>(row.request.value)};
                const auto has = static_cast<std::uint32_t>(each->core()->workers_of(group));
                const std::pair both{row.serving, has};
                auto& since = miscounted_since_[{at.number(), each->number(), group.value}];
                if (world_.how.strangers > 0 || !all_know_each_other() || !all_rest() ||
                    row.serving == has || since.second != both) {
                    since = {world_.time.time(), both};
                }
                if (world_.time.time() - since.first == seconds{5}) {
                    stuck(at.number(), "it counts " + std::to_string(row.serving) +
                                           " workers for request " + std::to_string(group.value) +
                                           " of " + each->name() + ", which has " +
                                           std::to_string(has));
                    world_.past.say(status());
                }
            }
        }
    }

    void come_to_rest() {
        const auto rests = [&] {
            for (const auto* each : world_.parkservers) {
                if (each->core() == nullptr || each->core()->leases() != 0) return false;
            }
            for (const auto* each : world_.workers) {
                if (each->core() == nullptr) return false;
                if (!each->is_direct() && each->core()->now_in() != core::worker::state::free)
                    return false;
            }
            return true;
        };
        if (wait_until(rests, seconds{30})) return;
        for (const auto* each : world_.parkservers) {
            if (each->core() != nullptr && each->core()->leases() != 0)
                stuck(each->number(),
                      std::to_string(each->core()->leases()) + " leases are not given up");
        }
        for (const auto* each : world_.workers) {
            const bool up = each->core() != nullptr;
            if (up && (each->is_direct() || each->core()->now_in() == core::worker::state::free))
                continue;
            stuck(each->number(), "the worker is not free again but " +
                                      std::string(up ? to_string(each->core()->now_in()) : "down"));
        }
        world_.past.say(status());
    }

    void part() {
        world_.phase = phase::parting;
        world_.past.say("--- parting");
        for (auto* each : world_.managers) each->stop();
        for (auto* each : world_.workers) each->stop();
        for (auto* each : world_.strangers) each->stop();
        const auto alone = [&] {
            for (const auto* each : world_.parkservers) {
                if (each->core() == nullptr) return false;
                const auto& at = *each->core();
                if (at.workers() + at.managers() + at.types() != 0) return false;
            }
            for (std::size_t i = world_.parkservers.size(); i < world_.processes.size(); ++i) {
                if (world_.processes[i]->is_up()) return false;
            }
            return true;
        };
        if (wait_until(alone, seconds{20})) return;
        for (const auto* each : world_.parkservers) {
            if (each->core() == nullptr) continue;
            const auto& at = *each->core();
            if (at.workers() + at.managers() + at.types() == 0) continue;
            stuck(each->number(), "the parkserver still has " + std::to_string(at.workers()) +
                                      " workers, " + std::to_string(at.managers()) +
                                      " managers and " + std::to_string(at.types()) + " types");
        }
        for (const auto& each : world_.processes) {
            const bool is_parkserver = each->number() < world_.parkservers.size();
            if (!is_parkserver && each->is_up()) stuck(each->number(), "it does not stop");
        }
    }

    // For whoever reads the trace of a failure.
    std::string status() const {
        std::string text = "status:";
        for (const auto* each : world_.workers) {
            if (each->core() == nullptr) continue;
            text += "\n    " + each->name() + " " + base::brief(each->core()->config().id) + " " +
                    each->type() + " " + std::string(to_string(each->core()->now_in())) +
                    ", registered with " + std::to_string(each->core()->registrations());
        }
        for (const auto* each : world_.parkservers) {
            if (each->core() == nullptr) continue;
            const auto told = each->core()->status(instant{});
            text += "\n    " + each->name();
            for (const auto& worker : told.workers) {
                text += "\n        worker " + base::brief(worker.worker) + " " +
                        std::string(to_string(worker.state)) + " " + to_string(worker.lease);
            }
            for (const auto& request : told.requests) {
                text += "\n        manager " + base::brief(request.manager) + " request " +
                        std::to_string(request.request.value) + " of " +
                        std::to_string(request.amount) + " " + request.type + " has " +
                        std::to_string(request.serving);
            }
        }
        return text;
    }

    world& world_;
    chaos chaos_;
    bool storm_ = false;
    std::uint64_t samples_ = 0;
    std::map<std::uint32_t, std::pair<instant, std::size_t>> unfair_since_;
    std::map<std::uint32_t, instant> uneven_since_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::pair<instant, base::lease_id>>
        differs_since_;
    using counts = std::pair<std::uint32_t, std::uint32_t>;
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::pair<instant, counts>>
        miscounted_since_;
};

}  // namespace

report run(const plan& how, bool trace) {
    checkers check(how.pauses > 0 ? how.pause_max + how.latency_max : how.latency_max,
                   how.concurrency_max == 1, checkers::source::simulated, how.bounds);
    world all(
        how, [&](const fact& what) { check.see(what); }, trace);
    stage{all}.play();
    check.finish();
    return {how.seed,   all.past.hash(), all.time.events(), all.time.time() - instant{},
            all.faults, check.counts(),  check.failures()};
}

}  // namespace maus::sim
