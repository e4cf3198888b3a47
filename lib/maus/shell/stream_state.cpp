// What a stream and those who fill it share (stream_state.hpp).
#include "maus/stream_state.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include "maus/net/clock.hpp"
#include "maus/shell/failure_text.hpp"
#include "maus/wire/streams.hpp"

namespace maus::detail {

// --- by the owner --------------------------------------------------------------------------------

bool stream_state::items_came(std::uint32_t count, base::buffer&& payload, executor* where) {
    std::unique_lock lock(guard_);
    if (abandoned_) return false;
    records_.push_back({count, std::move(payload)});
    return tell(lock, where);
}

bool stream_state::end(std::exception_ptr failure, executor* where) {
    (void)settle(nullptr, nullptr);  // the call
    std::unique_lock lock(guard_);
    if (ended_) return false;
    ended_ = true;
    if (!abandoned_) failure_ = std::move(failure);
    return tell(lock, where);
}

bool stream_state::tell(std::unique_lock<std::mutex>& lock, executor* where) {
    const bool woke = std::exchange(waits_, false);
    auto next = std::exchange(next_, nullptr);
    lock.unlock();
    if (woke) changed_.notify_all();
    if (next) where->post(std::move(next), *this);
    return woke;
}

// --- by the reader -------------------------------------------------------------------------------

stream_state::found stream_state::find() {
    if (items_left_ == 0) {
        const std::lock_guard lock(guard_);
        if (records_.empty()) return ended_ ? found::end : found::nothing;
        record_ = std::move(records_.front());
        records_.pop_front();
        left_ = record_.payload.view();
        items_left_ = record_.count;
        is_alone_ = record_.count == 1;
    }
    --items_left_;
    item_ = wire::next_item(left_, record_.count);
    has_read(item_.size());
    return found::item;
}

// Not for each of them: that would be a message each.
void stream_state::has_read(std::size_t bytes) {
    ++read_items_;
    read_bytes_ += bytes;
    if (read_items_ < tell_items_ && read_bytes_ < tell_bytes_) return;
    const auto most = std::numeric_limits<std::uint32_t>::max();
    const auto items = static_cast<std::uint32_t>(std::min<std::uint64_t>(read_items_, most));
    if (!ready() && owner()) owner()->items_read(*this, items, read_bytes_);
    read_items_ = read_bytes_ = 0;
}

bool stream_state::wait(base::instant until) {
    // Far more than anybody waits, and no clock overflows.
    constexpr base::duration at_a_time = std::chrono::hours{1};
    if (has_news()) return true;
    const waiting here;
    here.drive_until([this] { return has_news(); }, until);
    if (has_news()) return true;
    if (owner()) owner()->attend_items(*this, until);
    std::unique_lock lock(guard_);
    const auto news = [this] { return !records_.empty() || ended_; };
    while (!news()) {
        const base::instant now = net::clock_now();
        if (now >= until) return false;
        waits_ = true;
        changed_.wait_for(lock, std::min<base::duration>(until - now, at_a_time), news);
    }
    waits_ = false;
    return true;
}

bool stream_state::wait_for_items(std::chrono::nanoseconds time) {
    return items_left_ != 0 || wait(base::after(net::clock_now(), time));
}

bool stream_state::go_on_with(std::unique_ptr<continuation> next) {
    next = for_this_call(std::move(next));
    const std::lock_guard lock(guard_);
    if (!records_.empty() || ended_) return false;
    next_ = std::move(next);
    return true;
}

std::exception_ptr stream_state::why() const {
    const std::lock_guard lock(guard_);
    return failure_;
}

void stream_state::abandon() {
    std::deque<record> unread;
    {
        const std::lock_guard lock(guard_);
        abandoned_ = true;
        failure_ = nullptr;
        unread.swap(records_);
    }
    items_left_ = 0;
    cancel();
}

void stream_state::refuse_item(const std::string& why) {
    abandon();
    const std::string function = owner() ? owner()->name_of(method) : std::string{};
    const auto failure = std::make_exception_ptr(
        error(errc::bad_result, shell::failure_text(function, errc::bad_result, {}, why))
            .about(function));
    {
        const std::lock_guard lock(guard_);
        ended_ = true;
        failure_ = failure;
    }
    std::rethrow_exception(failure);
}

}  // namespace maus::detail
