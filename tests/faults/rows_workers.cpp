// Workers that take calls and do not do them, beside good ones.
#include <atomic>
#include <deque>
#include <thread>

#include "by_hand.hpp"
#include "rows.hpp"

namespace faults {

namespace {

/// A worker by hand on a thread of its own. It pings all the time, as who works does.
class odd_worker {
public:
    enum class way { returns_all, detaches_all };
    odd_worker(stage& on, way its) : on_(on), self_(on), way_(its) {
        on.expect_in_logs(stage::no_hello);
    }
    ~odd_worker() { stop(); }
    odd_worker(const odd_worker&) = delete;
    odd_worker& operator=(const odd_worker&) = delete;

    void serve() {
        self_.serve();
        thread_ = std::thread([this] {
            try {
                run();
            } catch (const std::exception& failed) {
                if (!self_.is_left()) failed_ = failed.what();
            }
        });
    }
    /// From now on it does what it is asked.
    void mend() { mended_ = true; }
    void stop() {
        stopped_ = true;
        if (thread_.joinable()) thread_.join();
        if (!failed_.empty()) on_.check(false, "the odd worker failed: " + failed_);
    }
    [[nodiscard]] std::size_t came() const { return came_; }

private:
    void run() {
        while (!stopped_) {
            const auto got = self_.link().receive(20ms);
            if (got && got->type == spec::r_manager_goodbye) return;
            const bool is_call = got && got->type == spec::r_call;
            if (is_call) {
                ++came_;
                take(hand_worker::read(*got));
            }
            for (; mended_ && !held_.empty(); held_.pop_front()) self_.answer(held_.front());
            // Not after each answer to a ping, or there would be nothing else.
            if (is_call || !got) self_.link().send(spec::to_record(spec::r_ping, ++pings_));
        }
    }
    void take(const hand_worker::task& its) {
        if (way_ == way::returns_all && !mended_) {
            self_.link().send(spec::to_record(spec::r_returned, its.of));
            return;
        }
        self_.note(kind::started, its);
        if (!mended_) self_.link().send(spec::to_record(spec::r_detached, its.of));
        held_.push_back(its);
    }

    stage& on_;
    hand_worker self_;
    const way way_;
    std::deque<hand_worker::task> held_;
    spec::u64 pings_ = 0;
    std::atomic<std::size_t> came_ = 0;
    std::atomic<bool> mended_ = false, stopped_ = false;
    std::string failed_;
    std::thread thread_;
};

/// F50: a worker that returns each call, and pings. Others do the calls; they do not go to and fro.
void returns_all(stage& on) {
    on.start_parkserver();
    odd_worker odd(on, odd_worker::way::returns_all);
    (void)on.workers(2, calm({}));
    auto& boss = on.manager(calm({"--amount", "3", "--outstanding", "100"}));
    odd.serve();
    on.wait("the odd one to have returned something", [&] { return odd.came() > 3; });
    on.wait_for(boss, kind::settled, 3000);
    on.check(boss.count(kind::left) == 0, "a worker was lost");
    on.ask_to_end(boss);
    on.wait_for_end(boss);
    odd.stop();
    const std::size_t came = odd.came(), again = on.metric(boss, "reassigned");
    std::printf("it was sent %zu calls, and %zu came back\n", came, again);
    // Pauses double from 10 ms to 5 s: some ten of them, and one more in 5 s, with a dozen calls after each.
    on.check(came <= 1000, "a worker that returns all was sent " + std::to_string(came) + " calls");
    on.check(again <= came, std::to_string(again) + " calls were assigned again");
    on.check(on.metric(boss, "errors") == 0, "a call that went to and fro was lost");
}

/// F50: a worker that runs one function at a time and detaches each at once. It holds as many as it may,
/// and others do the rest.
void detaches_all(stage& on) {
    on.start_parkserver();
    odd_worker odd(on, odd_worker::way::detaches_all);
    (void)on.workers(2, calm({}));
    auto& boss = on.manager(calm({"--amount", "3", "--outstanding", "4000", "--run-us", "200"}));
    odd.serve();
    const std::size_t detached_max = maus::limits{}.detached_per_slot_max;
    on.wait("the odd one to hold what it may", [&] { return odd.came() >= detached_max; });
    on.wait_for(boss, kind::settled, 8000);
    const std::size_t came = odd.came();
    std::printf("it holds %zu of 4000 calls\n", came);
    on.check(came <= detached_max + 16,
             "a worker that detaches all holds " + std::to_string(came) + " calls");
    on.check(boss.count(kind::left) == 0, "a worker was lost");
    odd.mend();
    on.ask_to_end(boss);
    on.wait_for_end(boss);
    odd.stop();
    on.check(on.metric(boss, "errors") == 0, "a call that was detached was lost");
}

}  // namespace

std::vector<row> rows_of_workers() {
    return {
        {"returns-all", "a worker that returns each call, and pings", returns_all},
        {"detaches-all", "a worker that detaches each call, and runs one at a time", detaches_all},
    };
}

}  // namespace faults
