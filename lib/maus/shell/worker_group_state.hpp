// The workers of one request, as its handle (maus::worker_group) and its calls see them.
//
// It admits calls up to limits::calls_max and limits::calls_bytes_max, those among them whose callbacks have
// not run yet: so what callbacks are too slow for holds up who calls, and does not pile up. Of a call that
// is not settled its arguments count, of one whose callback waits its result. It tells waiting threads how
// many workers there are, and hands calls to the manager's runtime. The state machine knows the rest.
//
// Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "maus/base/id.hpp"
#include "maus/manager.hpp"
#include "maus/shell/callback_thread.hpp"

namespace maus::shell {

class manager_runtime;

class worker_group_state final : public detail::group_handle, public callback_thread::runner {
public:
    worker_group_state(std::shared_ptr<manager_runtime> owner, base::group_id id,
                       detail::call_policy calls)
        : owner_(std::move(owner)), id_(id), calls_(std::move(calls)) {}

    void submit(const std::shared_ptr<detail::group_handle>& self, const detail::method_key& method,
                detail::state_base& call, const detail::call_policy& options) override;
    void release() override;
    void cancel(detail::state_base& call) override;
    void attend(detail::state_base& call, base::instant end) override;
    void items_read(detail::stream_state& call, std::uint32_t items, std::uint64_t bytes) override;
    void attend_items(detail::stream_state& call, base::instant end) override;
    void post(detail::stream_state& call, std::unique_ptr<detail::continuation> next) override;
    void post_progress(detail::state_base& call) override;
    void unheard(std::uint32_t method, const std::exception_ptr& failure) override;
    [[nodiscard]] std::string name_of(std::uint32_t method) override;
    [[nodiscard]] std::size_t size() const override { return workers_; }
    [[nodiscard]] std::vector<worker_id> workers() const override {
        const std::lock_guard lock(guard_);
        return ids_;
    }
    [[nodiscard]] bool wait_for(std::size_t count, std::chrono::nanoseconds time) override;
    [[nodiscard]] detail::state_ref<detail::state<void>> ready(
        const std::shared_ptr<detail::group_handle>& self, std::size_t count) override;
    [[nodiscard]] const detail::call_policy& calls() const override { return calls_; }
    [[nodiscard]] base::group_id id() const { return id_; }
    /// What so many bytes count. (No payload is that large: message_bytes_max.)
    [[nodiscard]] static std::uint32_t charge_of(std::size_t bytes) {
        constexpr std::size_t most = ~std::uint32_t{0};
        return static_cast<std::uint32_t>(bytes < most ? bytes : most);
    }

    // --- by the callback thread
    void run_callback(std::unique_ptr<base::task> task, callback_thread::subject about) override;

    // --- by the leader
    /// A settled call has a callback: it counts until that has run.
    void callback_waits(std::size_t bytes) {
        // These first, so that no callback that waits for room sees none in between.
        callbacks_.fetch_add(1);
        callback_bytes_.fetch_add(bytes);
        unsettled_.fetch_add(1);
        bytes_.fetch_add(bytes);
    }
    void joined(const worker_id& worker);
    void left(const worker_id& worker);
    /// Nobody is to wait for workers or for room any more.
    void end_waits();
    void calls_settled(std::size_t count, std::size_t bytes) {
        bytes_.fetch_sub(bytes);
        unsettled_.fetch_sub(count);
        if (blocked_ == 0) return;
        const std::lock_guard lock(guard_);
        changed_.notify_all();
    }

private:
    /// Why there is no room for a call; nothing: it is counted. `before`: how many were.
    [[nodiscard]] std::optional<errc> admit(detail::call_policy& chosen, std::size_t bytes,
                                            std::size_t& before);
    [[nodiscard]] std::optional<errc> wait_for_room(std::size_t bytes, detail::call_policy& chosen);
    void check_tags(const detail::call_policy& options, bool is_stream) const;  // throws
    [[nodiscard]] bool take_room(std::size_t bytes);
    [[nodiscard]] bool has_room(std::size_t unsettled, std::size_t bytes_before,
                                std::size_t bytes) const;
    [[nodiscard]] std::string why_no_room() const;
    void wait_for_change(std::unique_lock<std::mutex>& lock, base::duration time);
    [[nodiscard]] bool is_lone(std::size_t unsettled_before);
    /// Who waits by ready(). It refers to this: until it is settled, so at the latest by end_waits().
    struct awaited {
        std::size_t count = 0;
        detail::state_ref<detail::state<void>> state;
    };
    void give_up(detail::state_base& ready);
    void fail(awaited& one, errc code, const std::string& why);
    void fail_released(awaited& one);

    std::shared_ptr<manager_runtime> owner_;
    base::group_id id_;
    detail::call_policy calls_;
    std::atomic<std::size_t> unsettled_{0};  // and those whose callbacks have not run
    std::atomic<std::size_t> bytes_{0};      // of all of them
    std::atomic<std::size_t> callbacks_{0};  // of them, those
    std::atomic<std::size_t> callback_bytes_{0};
    std::atomic<std::size_t> blocked_{0};
    std::atomic<std::size_t> most_unsettled_{0};  // since there were none; roughly
    std::atomic<std::size_t> workers_{0};
    std::atomic<bool> release_asked_{false};
    std::atomic<bool> released_{false};
    std::vector<worker_id> ids_;  // in the order in which they came
    std::vector<awaited> awaited_;
    mutable std::mutex guard_;
    std::condition_variable changed_;
};

/// Whose call it is.
inline worker_group_state& group_of(detail::state_base& call) {
    return static_cast<worker_group_state&>(*call.owner());
}

}  // namespace maus::shell
