// What a future and those who settle it share (detail::state_base in future.hpp): waiting and waking.
#include "maus/future.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

#include "maus/net/clock.hpp"

namespace maus::detail {

namespace {
// A futex, since std::atomic cannot wait for a limited time.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected, const timespec* time) {
    static_assert(sizeof(word) == sizeof(std::uint32_t));
    syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, time, nullptr, 0);
}
void futex_wake_all(std::atomic<std::uint32_t>& word) {
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}
}  // namespace

void state_base::wait() {
    if (ready()) return;
    if (owner_) owner_->attend(*this, base::never);
    if (ready()) return;
    std::uint32_t seen = word_.fetch_or(waited_bit, std::memory_order_acq_rel) | waited_bit;
    while ((seen & settled_bit) == 0) {
        futex_wait(word_, seen, nullptr);
        seen = word_.load(std::memory_order_acquire);
    }
}

bool state_base::wait_for(std::chrono::nanoseconds time) {
    using clock = std::chrono::steady_clock;
    if (ready()) return true;
    const auto begun = clock::now();
    if (owner_ && time > time.zero()) {
        owner_->attend(*this, base::after(net::clock_now(), time));
        if (ready()) return true;
    }
    std::uint32_t seen = word_.fetch_or(waited_bit, std::memory_order_acq_rel) | waited_bit;
    while ((seen & settled_bit) == 0) {
        const auto left = time - (clock::now() - begun);
        if (left <= std::chrono::nanoseconds::zero()) return false;
        const timespec relative{static_cast<time_t>(left.count() / 1'000'000'000),
                                static_cast<long>(left.count() % 1'000'000'000)};
        futex_wait(word_, seen, &relative);
        seen = word_.load(std::memory_order_acquire);
    }
    return true;
}

void state_base::continue_with(std::unique_ptr<continuation> next) {
    continuation_ = std::move(next);
    const auto seen = word_.fetch_or(continued_bit, std::memory_order_acq_rel);
    if ((seen & settled_bit) != 0) std::exchange(continuation_, nullptr)->run();
}

void state_base::cancel() {
    if (owner_ && !ready()) owner_->cancel(*this);
}

bool state_base::settled(executor* where) {
    const auto seen = word_.fetch_or(settled_bit, std::memory_order_acq_rel);
    const bool woke = (seen & waited_bit) != 0;
    if (woke) futex_wake_all(word_);
    if ((seen & continued_bit) != 0) {
        auto next = std::exchange(continuation_, nullptr);
        if (where != nullptr) {
            where->post(std::move(next));
        } else {
            next->run();
        }
    }
    return woke;
}

bool state_base::settle_and_release(base::buffer&& payload, executor* where) {
    payload_ = std::move(payload);
    // Mostly nobody waits for just this one: then it is one step, since an atomic operation costs as
    // much as all the rest.
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    while ((seen & (waited_bit | continued_bit)) == 0) {
        if (!word_.compare_exchange_weak(seen, (seen | settled_bit) - one_reference,
                                         std::memory_order_acq_rel, std::memory_order_relaxed)) {
            continue;
        }
        if (seen < 2 * one_reference) delete this;  // the future was dropped
        return false;
    }
    const bool woke = settled(where);
    release();
    return woke;
}

bool state_base::settle(std::exception_ptr failure, executor* where) {
    failure_ = std::move(failure);
    return settled(where);
}

}  // namespace maus::detail
