// How other threads hand work to the one that does it, without a lock and without an allocation.
//
// What is put is linked through itself. Any thread puts with one atomic exchange; one thread takes
// all that is there at a time, so that no reader ever looks at what another has freed. (A stack that
// is only ever emptied as a whole and turned round: Treiber, "Systems programming: coping with
// parallelism", 1986.)
#pragma once

#include <atomic>

namespace maus::base {

/// What may be put into a call_queue of T derives from linked<T>.
template <class T>
struct linked {
    T* successor = nullptr;
};

template <class T>
class call_queue {
public:
    /// False: it is closed, and `added` stays the caller's.
    [[nodiscard]] bool put(T& added) noexcept {
        T* newest = newest_.load(std::memory_order_relaxed);
        do {
            if (newest == closed()) return false;
            added.successor = newest;
        } while (!newest_.compare_exchange_weak(newest, &added));
        return true;
    }
    /// All that is there, the oldest first, each with the one after it as its `successor`.
    [[nodiscard]] T* take() noexcept {
        if (empty()) return nullptr;
        return oldest_first(newest_.exchange(nullptr));
    }
    /// The same, and nothing can be put any more. By the taker, once.
    [[nodiscard]] T* close() noexcept { return oldest_first(newest_.exchange(closed())); }
    [[nodiscard]] bool empty() const noexcept {
        const T* newest = newest_.load();
        return newest == nullptr || newest == closed();
    }

private:
    [[nodiscard]] static T* closed() noexcept { return reinterpret_cast<T*>(alignof(T)); }
    [[nodiscard]] static T* oldest_first(T* newest) noexcept {
        T* oldest = nullptr;
        while (newest != nullptr) {
            T* const before = newest->successor;
            newest->successor = oldest;
            oldest = newest;
            newest = before;
        }
        return oldest;
    }

    std::atomic<T*> newest_{nullptr};
};

}  // namespace maus::base
