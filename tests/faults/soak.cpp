#include "soak.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <list>
#include <map>
#include <optional>
#include <random>

#include "proxy.hpp"
#include "stage.hpp"
#include "watch.hpp"

namespace faults {

namespace {

/// Longer than any process is stopped.
constexpr auto horizon = 15s;
constexpr auto hung_after = 6s;
const std::string park_name = "parkserver";

/// Half of the workers and managers are steady: stopped, cut off and reset, but never killed, so
/// that their memory and descriptors can be watched. The others are mortal.
class soak {
public:
    soak(const soak_choices& chosen, std::string folder)
        : how_(chosen), luck_(chosen.seed), on_(transport::tcp, std::move(folder)) {}

    int run() {
        on_.start_parkserver();
        to_park_.emplace(on_.endpoint());
        on_.parkserver_seen_at = to_park_->endpoint();
        for (std::uint32_t i = 0; i < how_.workers; ++i) {
            auto& type = i % 2 == 0 ? steady_ : mortal_;
            type.workers.push_back(&start_worker(type));
        }
        on_.wait_for_workers(how_.workers, maus::worker_state::available);
        for (const auto* each : steady_.workers) watch_.begin(each->name(), each->pid());
        capacity_ = measure();
        rate_ = static_cast<std::uint32_t>(capacity_ / 2 / how_.managers);
        std::printf("soak: capacity %.0f calls/s; %u managers make %u calls/s each\n", capacity_,
                    how_.managers, rate_);
        std::fflush(stdout);
        for (std::uint32_t i = 0; i < how_.managers; ++i) {
            auto& type = i % 2 == 0 ? steady_ : mortal_;
            proxies_.emplace_back();
            type.managers.push_back({nullptr, on_.place(), &proxies_.back()});
            proxies_.back().emplace(type.managers.back().place);
            start_manager(type, type.managers.back());
        }
        went_on();
        for (const auto& each : steady_.managers) watch_.begin(each.at->name(), each.at->pid());
        inject();
        come_to_rest();
        return report();
    }

private:
    struct boss {
        peer* at = nullptr;
        std::string place;
        std::optional<proxy>* through = nullptr;
    };
    struct team {
        std::string type;
        std::vector<peer*> workers;
        std::vector<boss> managers;
    };
    peer& start_worker(const team& of) {
        return on_.worker({"--type", of.type, "--interval-ms", "200", "--liveness", "5"});
    }

    void start_manager(const team& of, boss& which) {
        // One of five is to spare: a request is served only when all that it wants are free at once, and
        // there are always some that just died or hang.
        const auto managers = std::max<std::size_t>(how_.managers / 2, 1);
        const auto share = std::max<std::size_t>(of.workers.size() * 8 / 10 / managers, 1);
        words more{"--type",        of.type,
                   "--amount",      std::to_string(share),
                   "--interval-ms", "200",
                   "--liveness",    "5",
                   "--outstanding", "5000",
                   "--rate",        std::to_string(rate_),
                   "--run-us",      std::to_string(how_.run_us),
                   "--once-every",  "50",
                   "--toss-every",  "100",
                   "--endpoint",    which.place,
                   "--advertise",   (*which.through)->endpoint()};
        if (of.type == mortal_.type) {
            more.insert(more.end(), {"--poison-every", "3000", "--hang-every", "3700",
                                     "--attempt-timeout-ms", "3000"});
        }
        which.at = &on_.manager(more);
    }

    /// Calls a second that all workers do together, with no faults.
    double measure() {
        std::vector<peer*> all;
        for (const auto* of : {&steady_, &mortal_}) {
            all.push_back(
                &on_.manager({"--type", of->type, "--amount", std::to_string(of->workers.size()),
                              "--outstanding", "400", "--run-us", std::to_string(how_.run_us)}));
        }
        for (auto* each : all) on_.wait_for(*each, kind::settled, 400);
        const auto settled = [&] {
            return all[0]->count(kind::settled) + all[1]->count(kind::settled);
        };
        const auto began = now();
        const std::size_t before = settled();
        for (auto* each : all) on_.wait_for(*each, kind::settled, 2000);
        const double made = static_cast<double>(settled() - before);
        const double capacity = made / std::chrono::duration<double>(now() - began).count();
        for (auto* each : all) on_.ask_to_end(*each);
        for (auto* each : all) on_.wait_for_end(*each);
        for (auto* each : all) calls_before_ += each->count(kind::submitted);
        return capacity;
    }

    void went_on() {
        for (const auto* of : {&steady_, &mortal_}) {
            for (const auto& each : of->managers) on_.wait_for(*each.at, kind::settled, 50);
            for (const auto& each : of->managers) calls_before_ += each.at->count(kind::submitted);
        }
    }

    // --- faults ---

    void inject() {
        began_ = now();
        end_ = began_ + std::chrono::duration_cast<maus::base::duration>(
                            std::chrono::duration<double>(how_.minutes * 60));
        auto due = began_;
        auto told = began_;
        while (now() < end_) {
            // On a busy machine a round may take longer; what is stopped then must not stay so for
            // longer too.
            due = std::max(due + 1s, now());
            undo_until(due);
            fault();
            replace_the_dead();
            look();
            on_.digest(horizon);
            if (now() - told < 60s) continue;
            told = now();
            std::printf("soak: %.0f min, %llu faults, %s\n",
                        std::chrono::duration<double>(told - began_).count() / 60,
                        static_cast<unsigned long long>(faults_made_), on_.so_far().c_str());
            std::fflush(stdout);
            on_.tell_new_violations();
        }
        undo_until(maus::base::never);
        for (const auto* of : {&steady_, &mortal_}) {
            for (const auto& each : of->managers) {
                const std::size_t enough = each.at->count(kind::settled) + 50;
                on_.wait("50 more calls of " + each.at->name(), [&] {
                    replace_the_dead();
                    return each.at->count(kind::settled) >= enough;
                });
            }
        }
    }

    [[nodiscard]] std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>{0, limit - 1}(luck_);
    }
    [[nodiscard]] std::chrono::milliseconds a_while() {
        return std::chrono::milliseconds{200 + below(1400)};
    }
    [[nodiscard]] team& some_team() { return below(2) == 0 ? steady_ : mortal_; }
    [[nodiscard]] bool first_half() const { return now() < began_ + (end_ - began_) / 2; }

    void made(const char* what) {
        ++faults_made_;
        ++by_kind_[what];
    }

    void fault() {
        const std::size_t dice = below(100);
        if (dice < 35) return kill_worker();
        if (dice < 55) return stop_worker();
        if (dice < 65) return stop_manager();
        if (dice < 70) return kill_manager();
        if (dice < 75) return first_half() ? kill_parkserver() : stop_parkserver();
        if (dice < 80) return stop_parkserver();
        if (dice < 90) return reset();
        stall();
    }

    void kill_worker() {
        made("worker killed");
        on_.kill(*mortal_.workers[below(mortal_.workers.size())]);
    }
    void stop(pid_t pid) {
        if (std::any_of(undo_.begin(), undo_.end(),
                        [pid](const auto& each) { return each.pid == pid; })) {
            return;
        }
        ::kill(pid, SIGSTOP);
        undo_.push_back({now() + a_while(), pid, nullptr});
    }
    void stop_worker() {
        made("worker stopped");
        auto& of = some_team();
        stop(of.workers[below(of.workers.size())]->pid());
    }
    void stop_manager() {
        made("manager stopped");
        auto& of = some_team();
        stop(of.managers[below(of.managers.size())].at->pid());
    }
    void kill_manager() {
        made("manager killed");
        auto& which = mortal_.managers[below(mortal_.managers.size())];
        on_.kill(*which.at);
        start_manager(mortal_, which);
    }
    void kill_parkserver() {
        made("parkserver killed");
        on_.kill_parkserver();
        on_.start_parkserver();
        watch_.begin_again(park_name);
    }
    void stop_parkserver() {
        made("parkserver stopped");
        stop(on_.parkserver().pid());
    }
    proxy& some_proxy() {
        const auto which = below(proxies_.size() + 1);
        return which == proxies_.size()
                   ? *to_park_
                   : **std::next(proxies_.begin(), static_cast<std::ptrdiff_t>(which));
    }
    void reset() {
        made("connections reset");
        some_proxy().reset();
    }
    void stall() {
        made("connections stalled");
        auto& which = some_proxy();
        which.stall(true);
        undo_.push_back({now() + a_while(), 0, &which});
    }

    void undo_until(maus::base::instant due) {
        for (;;) {
            const auto next =
                std::min_element(undo_.begin(), undo_.end(),
                                 [](const auto& a, const auto& b) { return a.at < b.at; });
            const bool none = next == undo_.end();
            if (none && due == maus::base::never) return;
            const auto until = none ? due : std::min(due, next->at);
            while (now() < until) ::usleep(1000);
            if (none || next->at > due) return;
            if (next->pid != 0) ::kill(next->pid, SIGCONT);
            if (next->stalled != nullptr) next->stalled->stall(false);
            undo_.erase(next);
        }
    }

    void replace_the_dead() {
        for (auto* of : {&steady_, &mortal_}) {
            for (auto& each : of->workers) {
                each->refresh();
                // Somebody who looks after a real fleet does the same about functions that hang. The
                // steady have none.
                if (of == &mortal_ && each->busy_since() != maus::base::never &&
                    each->busy_since() + hung_after < now()) {
                    made("hung worker killed");
                    on_.kill(*each);
                }
                if (each->killed) each = &start_worker(*of);
            }
        }
    }

    // --- what is watched ---

    void look() {
        const double at = std::chrono::duration<double>(now() - began_).count();
        const auto look_at = [&](const peer& each) { watch_.look(each.name(), each.pid(), at); };
        watch_.look(park_name, on_.parkserver().pid(), at);
        for (const auto* each : steady_.workers) look_at(*each);
        for (const auto& each : steady_.managers) look_at(*each.at);
    }

    /// A manager is at rest when it has all workers that it asked for, a worker when it is nobody's.
    /// Of the parkserver stage::finish sees to it.
    void come_to_rest() {
        std::vector<std::pair<std::string, pid_t>> workers, managers;
        for (const auto& each : steady_.managers) {
            managers.emplace_back(each.at->name(), each.at->pid());
        }
        for (const auto* each : steady_.workers) workers.emplace_back(each->name(), each->pid());
        for (const auto& wrong : watch_.wait_for_rest(managers)) on_.check(false, wrong);
        seconds_ = std::chrono::duration<double>(now() - began_).count();
        on_.end_all("manager");
        for (const auto& wrong : watch_.wait_for_rest(workers)) on_.check(false, wrong);
    }

    int report() {
        const outcome got = on_.finish();
        std::printf("\nsoak: %.1f min, %u workers, %u managers, seed %llu\n", how_.minutes,
                    how_.workers, how_.managers, static_cast<unsigned long long>(how_.seed));
        std::printf("  faults       %llu:", static_cast<unsigned long long>(faults_made_));
        for (const auto& [name, count] : by_kind_) {
            std::printf(" %llu %s,", static_cast<unsigned long long>(count), name.c_str());
        }
        std::printf(" and %llu calls poisoned\n",
                    static_cast<unsigned long long>(got.calls.poisoned));
        std::printf("  calls        %s\n", on_.so_far().c_str());
        std::printf("  unsettled    %llu, all of managers that were killed\n",
                    static_cast<unsigned long long>(got.calls.calls - got.calls.results -
                                                    got.calls.errors));
        const double load = static_cast<double>(got.calls.calls - calls_before_) / seconds_;
        std::printf("  load         %.0f calls/s, %.0f %% of capacity\n", load,
                    100 * load / capacity_);
        std::printf("  reassigned   %llu, stale answers %llu (by managers that lived)\n",
                    static_cast<unsigned long long>(got.reassigned),
                    static_cast<unsigned long long>(got.stale_answers));
        std::printf("  growth over the second half, of who lived through it:\n");
        const bool none_grows = watch_.report(how_.minutes * 30);
        for (const auto& each : got.failures) std::cerr << "soak: " << each << std::endl;
        const bool good = got.failures.empty() && none_grows;
        std::printf("soak: %s\n", good ? "nothing lost, nothing grows" : "FAILED");
        return good ? 0 : 1;
    }

    struct later {
        maus::base::instant at;
        pid_t pid;
        proxy* stalled;
    };

    const soak_choices& how_;
    std::mt19937_64 luck_;
    std::optional<proxy> to_park_;
    std::list<std::optional<proxy>> proxies_;
    stage on_;
    team steady_{"steady", {}, {}};
    team mortal_{"mortal", {}, {}};
    double capacity_ = 0;  // calls a second
    std::uint32_t rate_ = 0;
    std::uint64_t calls_before_ = 0;  // the faults
    double seconds_ = 0;              // from the first fault on
    maus::base::instant began_{}, end_{};
    std::vector<later> undo_;
    std::uint64_t faults_made_ = 0;
    std::map<std::string, std::uint64_t> by_kind_;
    watch watch_;
};

}  // namespace

int run_soak(soak_choices chosen) {
    if (chosen.seed == 0) chosen.seed = std::random_device{}();
    std::printf("soak: seed %llu\n", static_cast<unsigned long long>(chosen.seed));
    std::string folder = std::filesystem::temp_directory_path() / "maus-soak-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("cannot make " + folder);
    int code = 1;
    try {
        soak all(chosen, folder);
        code = all.run();
    } catch (const row_failed& failed) {
        std::cerr << "soak: " << failed.what() << std::endl;
    }
    if (code == 0) {
        std::filesystem::remove_all(folder);
    } else {
        std::cerr << "soak: kept " << folder << std::endl;
    }
    return code;
}

}  // namespace faults
