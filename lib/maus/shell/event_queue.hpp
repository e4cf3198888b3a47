// How other threads hand work to the thread that owns the sockets.
#pragma once

#include <mutex>
#include <utility>
#include <vector>

namespace maus::shell {

/// Any thread puts, one takes. The taker's vector and the queue's change places, so neither side
/// allocates once both have grown.
template <class T>
class event_queue {
public:
    /// How much waits now. 0, and `event` is as it was: the queue is closed.
    [[nodiscard]] std::size_t put(T&& event) {
        const std::lock_guard lock(guard_);
        if (closed_) return 0;
        waiting_.push_back(std::move(event));
        return waiting_.size();
    }
    /// Nothing can be put any more; what is there can be taken.
    void close() {
        const std::lock_guard lock(guard_);
        closed_ = true;
    }
    /// All that is there, in the order in which it was put.
    void take(std::vector<T>& into) {
        into.clear();
        const std::lock_guard lock(guard_);
        std::swap(into, waiting_);
    }
    [[nodiscard]] bool empty() const {
        const std::lock_guard lock(guard_);
        return waiting_.empty();
    }

private:
    mutable std::mutex guard_;
    std::vector<T> waiting_;
    bool closed_ = false;
};

}  // namespace maus::shell
