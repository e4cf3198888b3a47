// The workers of one request, as its handle (maus::worker_group) and its calls see them.
//
// It admits calls up to limits::calls_max, those among them whose callbacks have not run yet: so what
// callbacks are too slow for holds up who calls, and does not pile up. It tells waiting threads how
// many workers there are, and hands calls to the manager's runtime. The state machine knows the rest.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "maus/base/id.hpp"
#include "maus/manager.hpp"
#include "maus/shell/callback_thread.hpp"

namespace maus::shell {

class manager_runtime;

class worker_group_state final : public detail::group_handle, public callback_thread::runner {
public:
    worker_group_state(std::shared_ptr<manager_runtime> owner, base::group_id id,
                       const call_options& calls)
        : owner_(std::move(owner)), id_(id), calls_(calls) {}

    void submit(const std::shared_ptr<detail::group_handle>& self, const detail::method_key& method,
                detail::state_base& call, const call_options& options) override;
    void release() override;
    void cancel(detail::state_base& call) override;
    void attend(detail::state_base& call, base::instant end) override;
    void attended(detail::state_base& call) override;
    void post_progress(detail::state_base& call) override;
    void unheard(std::uint32_t method, const std::exception_ptr& failure) override;
    [[nodiscard]] std::string name_of(std::uint32_t method) override;
    [[nodiscard]] std::size_t size() const override { return workers_; }
    [[nodiscard]] bool wait_for(std::size_t count, std::chrono::nanoseconds time) override;
    [[nodiscard]] const call_options& calls() const override { return calls_; }
    [[nodiscard]] base::group_id id() const { return id_; }

    // --- by the callback thread
    void run_callback(std::unique_ptr<base::task> task, std::uint32_t method) override;

    // --- by the leader
    /// A settled call has a callback: it counts until that has run.
    void callback_waits() {
        callbacks_.fetch_add(
            1);  // first, so that no callback that waits for room sees none in between
        unsettled_.fetch_add(1);
    }
    void has_workers(std::size_t count) {
        const std::lock_guard lock(guard_);
        if (released_) return;
        workers_ = count;
        changed_.notify_all();
    }
    /// Nobody is to wait for workers or for room any more.
    void end_waits();
    void calls_settled(std::size_t count) {
        unsettled_.fetch_sub(count);
        if (blocked_ == 0) return;
        const std::lock_guard lock(guard_);
        changed_.notify_all();
    }

private:
    /// Why there is no room for a call; nothing: it is counted. `before`: how many were.
    [[nodiscard]] std::optional<errc> admit(call_options& chosen, std::size_t& before);
    [[nodiscard]] std::optional<errc> wait_for_room(time_span& timeout);
    [[nodiscard]] bool take_room();
    [[nodiscard]] std::size_t room_taken(std::size_t unsettled) const;
    void callback_ran();
    [[nodiscard]] bool is_lone(std::size_t unsettled_before);

    std::shared_ptr<manager_runtime> owner_;
    base::group_id id_;
    call_options calls_;
    std::atomic<std::size_t> unsettled_{0};  // and those whose callbacks have not run
    std::atomic<std::size_t> callbacks_{0};  // of them, those
    std::atomic<std::size_t> blocked_{0};
    std::atomic<std::size_t> most_unsettled_{0};  // since there were none; roughly
    std::atomic<std::size_t> workers_{0};
    std::atomic<bool> release_asked_{false};
    std::atomic<bool> released_{false};
    std::mutex guard_;
    std::condition_variable changed_;
};

}  // namespace maus::shell
