// What a stream (stream.hpp) and those who fill it share. Not for users.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "maus/call_state.hpp"

namespace maus::detail {

/// The call of a stream function. The owner puts items in, in records; one reader takes them out. The
/// reader has a record for itself, so that it needs no lock for each item.
class stream_state : public state_base {
public:
    stream_state() { mark_as_stream(); }

    // --- by the owner
    /// A record of so many items (wire/streams.hpp). True: a thread that waited has been woken.
    bool items_came(std::uint32_t count, base::buffer&& payload, executor* where);
    /// Nothing follows. Null: it is its end; else why it ends. True: a thread has been woken.
    bool end(std::exception_ptr failure, executor* where);
    /// Before it is submitted: how much its reader leaves unread.
    void set_window(std::uint64_t items, std::uint64_t bytes) {
        tell_items_ = std::max<std::uint64_t>(items / 2, 1);
        tell_bytes_ = std::max<std::uint64_t>(bytes / 2, 1);
    }

    // --- by the reader
    /// The next item lies in `item`, if true. If false, nothing is there yet; else it is at its end.
    enum class found : std::uint8_t { item, nothing, end };
    [[nodiscard]] found find();
    /// After find(): the item's encoding. Until the next find().
    [[nodiscard]] base::byte_view item() const noexcept { return item_; }
    /// If the item was alone in its record, its buffer, which may be shared; else null.
    [[nodiscard]] base::buffer* alone() noexcept { return is_alone_ ? &record_.payload : nullptr; }
    /// Waits until find() finds something. False: it did not in that time.
    bool wait(base::instant until);
    [[nodiscard]] bool wait_for_items(std::chrono::nanoseconds time);
    /// The same for a coroutine. False: there is something already, and `next` is not run.
    [[nodiscard]] bool go_on_with(std::unique_ptr<continuation> next);
    /// Runs `next` on the callback thread, behind what waits there.
    void go_on_behind_others(std::unique_ptr<continuation> next) {
        owner()->post(*this, for_this_call(std::move(next)));
    }
    /// Once it is at its end: why; null if all is well.
    [[nodiscard]] std::exception_ptr why() const;
    /// It reads no more: what was not read is let go of, and the call is given up.
    void abandon();
    /// An item was no T.
    [[noreturn]] void refuse_item(const std::string& why);

    /// Whether find() finds something. By any thread.
    [[nodiscard]] bool has_news() const {
        const std::lock_guard lock(guard_);
        return !records_.empty() || ended_;
    }

private:
    struct record {
        std::uint32_t count = 0;
        base::buffer payload;
    };
    bool tell(std::unique_lock<std::mutex>& lock, executor* where);
    void has_read(std::size_t bytes);

    mutable std::mutex guard_;  // of what follows
    std::condition_variable changed_;
    std::deque<record> records_;
    std::exception_ptr failure_;
    std::unique_ptr<continuation> next_;
    bool ended_ = false;
    bool abandoned_ = false;
    bool waits_ = false;

    // By the reader.
    record record_;
    base::byte_view left_;  // of it
    std::uint32_t items_left_ = 0;
    base::byte_view item_;
    bool is_alone_ = false;
    std::uint64_t read_items_ = 0, read_bytes_ = 0;  // that the owner was not told of
    std::uint64_t tell_items_ = 1, tell_bytes_ = 1;  // when it is told
};

}  // namespace maus::detail
