#include "run.hpp"

#include <functional>

#include "chaos.hpp"
#include "peers.hpp"

namespace maus::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

world::world(std::uint64_t seed, history::witness check, bool trace)
    : how(draw(seed)),
      luck(seed ^ 0x5851F42D4C957F2Du),
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
}

world::~world() = default;

namespace {

std::uint64_t under_way = 0;

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
        go_on(between(world_.luck, milliseconds{500}, seconds{4}));
        world_.phase = phase::quiet;
        world_.past.say("--- quiet");
        settle_down();
        come_to_rest();
        part();
    }

private:
    void go_on(duration how_long) { world_.time.run_until(world_.time.time() + how_long); }

    bool wait_until(const std::function<bool()>& true_at_last, duration bound) {
        const instant end = world_.time.time() + bound;
        while (!true_at_last()) {
            if (world_.time.time() >= end) return false;
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

    // Each call settles and each wish is served, so that each program can release what it had.
    void settle_down() {
        const auto idle = [&] {
            watch_fairness();
            for (const auto* each : world_.managers) {
                const program* user = each->user();
                if (user == nullptr || user->outstanding() > 0 || !user->wishes().empty())
                    return false;
            }
            return true;
        };
        // The slowest there is: all that may be outstanding, slow, one after the other.
        const auto calls = world_.how.managers * world_.how.outstanding_max;
        const duration work = calls * world_.how.slow_max;
        if (wait_until(idle, seconds{60} + (world_.how.slow > 0 ? work : duration{}))) return;
        for (const auto* each : world_.managers) {
            const program* user = each->user();
            if (user == nullptr) {
                stuck(each->number(), "the manager is not up");
                continue;
            }
            if (user->outstanding() > 0) {
                stuck(each->number(), std::to_string(user->outstanding()) + " calls do not settle");
            }
            for (const auto& [group, wish] : user->wishes()) {
                stuck(each->number(), "wish " + std::to_string(group.value) + " for " +
                                          std::to_string(wish.amount) + " of " + wish.type +
                                          " is not served and released; it has " +
                                          std::to_string(each->core()->workers_of(group)) +
                                          " workers and " + std::to_string(wish.calls) + " calls");
            }
        }
        world_.past.say(status());
    }

    // Workers must not idle for long while each waiting wish could have some.
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
            for (const auto* each : world_.managers) {
                if (each->user() == nullptr) continue;
                for (const auto& [group, wish] : each->user()->wishes()) {
                    if (wish.type != name) continue;
                    const auto has = static_cast<std::uint32_t>(each->core()->workers_of(group));
                    const std::uint32_t wants = std::max(wish.amount, 1u);
                    if (has >= wants) continue;
                    some_wait = true;
                    const std::uint32_t needs = wish.served || has > 0 ? 1 : wants;
                    all_can = all_can && needs <= idle;
                }
            }
            auto& since = unfair_since_[type];
            if (!some_wait || !all_can || idle == 0) since = world_.time.time();
            if (world_.time.time() - since == seconds{15}) {
                stuck(0, "workers of " + name + " idle while wishes wait");
                world_.past.say(status());
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
        const auto alone = [&] {
            for (const auto* each : world_.parkservers) {
                if (each->core()->workers() + each->core()->managers() != 0) return false;
            }
            for (std::size_t i = world_.parkservers.size(); i < world_.processes.size(); ++i) {
                if (world_.processes[i]->is_up()) return false;
            }
            return true;
        };
        if (wait_until(alone, seconds{20})) return;
        for (const auto* each : world_.parkservers) {
            const auto& at = *each->core();
            if (at.workers() + at.managers() == 0) continue;
            stuck(each->number(), "the parkserver still has " + std::to_string(at.workers()) +
                                      " workers and " + std::to_string(at.managers()) +
                                      " managers");
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
            text += "\n    " + each->name() + " " + base::brief(each->core()->config().id) + " " +
                    each->type() + " " + std::string(to_string(each->core()->now_in())) +
                    ", registered with " + std::to_string(each->core()->registrations());
        }
        for (const auto* each : world_.parkservers) {
            const auto told = each->core()->status(instant{});
            text += "\n    " + each->name();
            for (const auto& worker : told.workers) {
                text += "\n        worker " + base::brief(worker.worker) + " " +
                        std::string(to_string(worker.state)) + " " + to_string(worker.lease);
            }
            for (const auto& wish : told.requests) {
                text += "\n        manager " + base::brief(wish.manager) + " request " +
                        std::to_string(wish.request.value) + " of " + std::to_string(wish.amount) +
                        " " + wish.type + " has " + std::to_string(wish.serving);
            }
        }
        return text;
    }

    world& world_;
    chaos chaos_;
    std::map<std::uint32_t, instant> unfair_since_;
};

}  // namespace

std::uint64_t seed_under_way() { return under_way; }

report run(std::uint64_t seed, bool trace) {
    under_way = seed;
    const plan how = draw(seed);
    checkers check(how.pauses > 0 ? how.pause_max + how.latency_max : how.latency_max,
                   how.concurrency_max == 1);
    world all(
        seed, [&](const fact& what) { check.see(what); }, trace);
    stage{all}.play();
    check.finish();
    return {seed,       all.past.hash(), all.time.events(), all.time.time() - instant{},
            all.faults, check.counts(),  check.failures()};
}

}  // namespace maus::sim
