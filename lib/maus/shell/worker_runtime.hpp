// A worker in a real process: its state machine, its sockets, and the threads that run functions.
//
// One of three ways drives it: run() on the caller's thread, start() on a thread of its own, or
// process_events() in the program's loop. In the first two, function_threads decides which thread
// drives and which run functions; short functions are run by the leader.
//
// Thread-safety: stop(), metrics() and id() by any thread; the rest as worker.hpp says.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "maus/core/worker.hpp"
#include "maus/net/clock.hpp"
#include "maus/net/reactor.hpp"
#include "maus/shell/completion_sink.hpp"
#include "maus/shell/function_threads.hpp"
#include "maus/shell/own_loops.hpp"
#include "maus/shell/published.hpp"
#include "maus/shell/running_call.hpp"
#include "maus/shell/short_jobs.hpp"
#include "maus/shell/stream_runs.hpp"
#include "maus/worker.hpp"

namespace maus::shell {

class worker_runtime final : public net::driven, public own_loop {
public:
    explicit worker_runtime(worker_options options);
    ~worker_runtime() override;

    // --- before it runs
    void add(std::string signature, detail::handler handler);
    void set_on_lease(detail::lease_hook hook);
    void set_on_release(detail::lease_hook hook);
    void register_parkserver(std::string endpoint, std::string type);
    void connect(std::string endpoint, std::string type);

    void run();
    void start();
    void stop() { stop(options_.stop_timeout); }
    [[nodiscard]] int fd();
    bool process_events();
    [[nodiscard]] worker_metrics metrics() const { return metrics_.get(); }
    /// Whether a function of this worker is what asks, or what goes on after one's callback.
    [[nodiscard]] bool is_own_thread() const {
        return function_threads_.is_own_thread() || services_.callbacks->is_own_thread();
    }
    [[nodiscard]] std::string id() const { return to_string(config_.id); }

    // --- own_loop
    [[nodiscard]] int loop_fd() override { return reactor_->fd(); }
    bool process_loop() override { return process_events(); }

    // --- by the leader: net::driven
    void on(net::input event, base::instant now) override;
    void take_queued(base::instant now) override;
    void step(base::instant now, base::instant time) override;
    [[nodiscard]] core::outbox& outbox() override { return effects_.net; }
    [[nodiscard]] bool has_queued() const override { return !completions_->empty(); }
    [[nodiscard]] base::instant next_deadline() const override { return machine_->next_deadline(); }
    [[nodiscard]] bool finished() const override {
        return machine_->now_in() == core::worker::state::stopped;
    }

private:
    enum class mode : std::uint8_t { fresh, threaded, hosted };

    // --- its life
    void set_type(std::string type);
    void begin(mode how);
    void begin_hosted();
    void start_threads();
    void loop();
    void loop_is_over();
    void stop(base::duration timeout);
    void cancel_jobs(base::instant now);
    void hand_out_hook();
    void take(completion& done, base::instant now);
    void expect_streams();
    void step_streams(bool other_link, const std::vector<wire::attempt>& cancels);
    void give_back(const core::job& job, base::instant now);
    void publish_metrics();

    // --- short functions, by the leader
    void keep_short_jobs();
    void end_claim();
    [[nodiscard]] bool run_short_jobs();
    [[nodiscard]] bool run_short_job(core::job& job, net::frequent_clock& clock,
                                     base::instant& now);
    void give_up_claim();
    [[nodiscard]] bool drive();
    void nobody_answers();

    // --- functions, by any thread
    void run_job(core::job job, bool may_start);
    void invoke(const core::job& job, running_call& call);
    void deliver(running_call& call);
    void run_hook(const core::lease_hook& hook);
    [[nodiscard]] std::optional<std::string> run_on_lease(const lease_info& of);
    void run_on_release(const lease_info& of);
    /// What was set up and could not be cleared up in time. When nothing runs any more.
    void clear_up_the_rest();
    void wait_hosted();

    worker_options options_;
    core::worker_config config_;
    std::shared_ptr<exposed_functions> exposed_ = std::make_shared<exposed_functions>();
    detail::lease_hook on_lease_, on_release_;
    std::optional<lease_info> set_up_for_;  // by whoever runs hooks: on_release is due
    std::unordered_set<std::string> names_;
    mode mode_ = mode::fresh;
    std::shared_ptr<completion_sink> completions_ = std::make_shared<completion_sink>();
    function_threads function_threads_;
    call_services services_{config_,
                            exposed_,
                            completions_,
                            std::make_shared<call_stops>(),
                            function_threads_,
                            std::make_shared<callback_desk>(completions_, function_threads_,
                                                            config_.settings.limits.calls_max),
                            nullptr};
    stream_runs streams_{services_, function_threads_};
    std::uint64_t answerable_ = 0;  // as the machine said last
    core::worker_effects effects_;
    std::optional<core::worker> machine_;
    std::optional<net::reactor> reactor_;
    std::vector<completion> queued_;
    std::vector<bool> gives_items_;  // of each function
    bool has_streams_ = false;
    std::vector<inline_policy> inline_policies_;  // of each function; by whoever runs functions
    // By the leader.
    short_jobs short_jobs_;
    bool claimed_ = false;         // functions are run here, and nowhere else
    bool has_later_jobs_ = false;  // jobs that are to be run after those
    published<worker_metrics> metrics_;
    std::thread thread_;
    std::mutex guard_;
    std::condition_variable stopped_;
    std::optional<loop_member> loop_;  // hosted
    bool looping_ = false;
    bool stop_asked_ = false;
};

}  // namespace maus::shell
