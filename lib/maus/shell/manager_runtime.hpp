// A manager in a real process: its state machine, its sockets, and the threads that call it.
//
// Any thread puts calls and commands into a queue; the leader (leader_follower.hpp) takes
// them out, feeds the machine, carries out what the machine wants, and settles calls. Callbacks and
// log lines go to the callback thread. In a loop of the program's own there are no such threads: who calls
// process_events() does all of that.
//
// Thread-safety: what stands above `--- by the leader` may be called by any
// thread.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>

#include "maus/core/manager.hpp"
#include "maus/manager.hpp"
#include "maus/shell/callable_threads.hpp"
#include "maus/shell/callback_thread.hpp"
#include "maus/shell/control_command.hpp"
#include "maus/shell/leader_follower.hpp"
#include "maus/shell/method_table.hpp"
#include "maus/shell/own_loops.hpp"
#include "maus/shell/published.hpp"

namespace maus::shell {

class worker_group_state;
struct callable_home;

class manager_runtime final : public net::driven,
                              public detail::executor,
                              public own_loop,
                              public std::enable_shared_from_this<manager_runtime> {
public:
    /// Binds. Throws maus::error that says why it cannot.
    explicit manager_runtime(manager_options options);

    void start();
    void stop();
    /// By its owner, at last.
    void shut_down();
    [[nodiscard]] int fd();
    bool process_events();
    /// Without effect once it has stopped.
    template <class Asked>
    void put(Asked asked) {
        if (!hand_in(std::move(asked))) return;
        options_.own_loop ? wake_own_loop() : drive_.call_io_thread();
    }
    /// `lone`: no other call of its group is on its way, or about to be.
    void submit(const detail::method_key& method, detail::state_base& call, bool lone);
    void refuse(detail::state_base& call, std::string_view function, errc code, std::string why);
    void connect_parkserver(std::string endpoint);
    [[nodiscard]] std::shared_ptr<worker_group_state> get_workers(const request& wanted);
    void forget(base::group_id id);
    /// A thread waits for this call, and may drive meanwhile.
    template <class Done>
    void attend(Done done, base::instant until) {
        if (options_.own_loop) return;  // only that loop drives it
        drive_.lead_while_waiting(done, until);
    }
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] const base::settings& settings() const { return settings_; }
    [[nodiscard]] manager_metrics metrics() const { return metrics_.get(); }

    /// Nobody looked at a failure of this method, or of a callback after it.
    void unheard(base::method_id method, const std::exception_ptr& failure);
    [[nodiscard]] std::string name_of(base::method_id method) { return methods_.name_of(method); }
    [[nodiscard]] bool in_callback() const { return callbacks_.is_own_thread(); }

    /// The reader of a stream has read so much more: what it may cause waits for nothing, if its reader
    /// waits.
    void put_read(core::items_read read);

    /// What a callable gave: its worker may wait for it.
    void put_answer(core::answer_callback given);

    /// Why its groups may be without workers, for their errors. Empty: not known.
    [[nodiscard]] std::string trouble() const {
        const std::lock_guard lock(guard_);
        return trouble_;
    }

    /// Its listener is to be told, on the callback thread.
    void post_progress(detail::state_base& of);

    // --- detail::executor
    void post(std::unique_ptr<detail::continuation> next, detail::state_base& of) override;

    // --- own_loop
    [[nodiscard]] int loop_fd() override { return reactor_.fd(); }
    bool process_loop() override { return process_events(); }

    // --- by the leader: net::driven
    void on(net::input event, base::instant now) override;
    void take_queued(base::instant now) override;
    void step(base::instant now, base::instant time) override;
    [[nodiscard]] core::outbox& outbox() override { return effects_.net; }
    [[nodiscard]] bool has_queued() const override { return !commands_.empty(); }
    [[nodiscard]] base::instant next_deadline() const override { return machine_->next_deadline(); }
    [[nodiscard]] bool finished() const override { return stopped_; }

private:
    [[nodiscard]] core::manager_config configure();
    template <class Asked>
    [[nodiscard]] bool hand_in(Asked asked) {
        auto made = std::make_unique<control_command>(std::move(asked));
        if (!commands_.put(*made)) return false;
        (void)made.release();  // it is the taker's
        return true;
    }
    [[nodiscard]] core::stream_terms terms_of(detail::state_base& call) const;
    [[nodiscard]] base::method_id number_with_needs(const detail::method_key& method,
                                                    const std::vector<std::string>& needs);
    void make_call(detail::state_base& call, base::instant now);
    void follow(const std::stop_token& stop, detail::state_base& call, base::instant now);
    void carry_out(cancel_submitted& asked, base::instant now);
    void carry_out(define_method& asked, base::instant now);
    void carry_out(core::answer_callback& asked, base::instant now) {
        machine_->on(std::move(asked), now, effects_);
    }
    template <class Asked>
    void carry_out(Asked& asked, base::instant now) {
        machine_->on(asked, now, effects_);
        if constexpr (std::is_same_v<Asked, core::stop_manager>) stopped_ = true;
    }
    void stop_thread();
    void after_the_end();
    void wake_own_loop() { (void)reactor_.wake(); }
    void check_own_loop() const;
    void drive_own_loop();
    void refuse_what_came_late();
    void settle(detail::state_base& call, core::outcome&& result);
    void end_stream(detail::state_base& call, core::outcome&& result);
    void hand_items_over();
    [[nodiscard]] bool takes_more_callables();
    void run_own_callables();
    [[nodiscard]] std::unique_ptr<base::task> next_own_callable();
    [[nodiscard]] auto& own_callables(callable_threads::kind of) {
        return own_callables_[static_cast<std::size_t>(of)];
    }
    class after_nested;
    void post_nested(std::unique_ptr<after_nested> next);
    void call_back();
    void hand_out_callables(std::vector<std::unique_ptr<base::task>>& runs,
                            callable_threads::kind its);
    [[nodiscard]] std::unique_ptr<base::task> run_of(core::called_back&& asked, bool runs_more);
    void free_room(std::span<const core::settled> done);
    void read_queue(base::instant now);
    void carry_out_effects();
    void tell(core::notice& news);
    void log(log_level level, std::string text);
    void publish_metrics();

    manager_options options_;
    base::settings settings_;
    core::manager_effects effects_;
    base::call_queue<detail::command> commands_;
    std::atomic<std::size_t> calls_waiting_{0};  // in the queue, roughly
    callback_thread callbacks_;
    callable_threads callables_;
    // In a loop of the program's own: as callable_threads.hpp has it, but one on top of the other.
    static constexpr int own_callables_deep_max = 64;
    class own_wait;
    std::mutex own_callables_guard_;
    std::deque<std::unique_ptr<base::task>> own_callables_[2];  // by kind; under the guard
    int own_callables_deep_ = 0;
    std::shared_ptr<const callable_home> callable_home_;  // once one was called
    net::reactor reactor_;
    leader_follower drive_{reactor_, *this};
    std::optional<core::manager> machine_;
    std::string endpoint_;
    std::string id_;
    method_table methods_;
    // Of the calls that have a token: what cancels them. By the leader.
    struct give_up {
        manager_runtime& of;
        base::call_id call;
        void operator()() const;
    };
    std::unordered_map<const detail::state_base*, std::stop_callback<give_up>> stops_;
    bool stopped_ = false;
    // In a loop of the program's own.
    std::optional<loop_member> loop_;
    std::atomic<bool> is_over_{false};
    bool is_abandoned_ = false;  // destroyed by one of its callbacks
    std::thread thread_;
    std::mutex stop_guard_;

    published<manager_metrics> metrics_;

    mutable std::mutex guard_;  // of what follows
    std::map<base::group_id, std::weak_ptr<worker_group_state>> groups_;
    std::uint32_t groups_made_ = 0;
    bool groups_closed_ = false;
    std::string trouble_;  // with parkservers
};

}  // namespace maus::shell
