// What a future and those who settle it share (call_state.hpp): who waits is woken,
// and what is to go on goes on.
#include "maus/call_state.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>
#include <exception>
#include <memory>
#include <thread>
#include <utility>

#include "maus/base/forced_unwind.hpp"
#include "maus/future.hpp"
#include "maus/net/clock.hpp"
#include "maus/shell/context_state.hpp"
#include "maus/shell/current_call.hpp"
#include "maus/shell/failure_text.hpp"
#include "maus/shell/own_loops.hpp"
#include "maus/when.hpp"

namespace maus::detail {

using shell::current_call;
using shell::failure_text;

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

// --- who goes on ---------------------------------------------------------------------------------

namespace {

/// What goes on on one thread: one after the other and never one inside of another, so that a chain of
/// any length needs no more stack than one.
class turns {
public:
    void add(std::unique_ptr<continuation> last) {
        continuation* const added = last.get();
        (newest_ != nullptr ? newest_->successor : oldest_) = std::move(last);
        newest_ = added;
    }
    /// Until there are none, or `enough()`. What waits for a turn works for the call that it belongs to, or
    /// for none, and not for that of this thread.
    template <class Enough>
    MAUS_CATCHES_FORCED_UNWIND void run(Enough enough) {
        const current_call::scope none(nullptr);
        while (oldest_ && !enough()) {
            const auto next = std::move(oldest_);
            oldest_ = std::move(next->successor);
            if (!oldest_) newest_ = nullptr;
            try {
                next->run();
            } catch (const abi::__forced_unwind&) {
                // The thread is at its end; what waits for a turn has no other.
                run(enough);
                throw;
            }
        }
    }

private:
    std::unique_ptr<continuation> oldest_;
    continuation* newest_ = nullptr;
};

// Null: nothing goes on on this thread.
thread_local constinit turns* in_turn = nullptr;
constexpr auto never_enough = [] { return false; };

// Now, and then what it makes go on.
template <class Function>
MAUS_CATCHES_FORCED_UNWIND void begin_turns(Function first) {
    turns mine;
    const struct begun {
        explicit begun(turns& all) { in_turn = &all; }
        ~begun() { in_turn = nullptr; }
    } until_all_have_run(mine);
    try {
        first();
    } catch (const abi::__forced_unwind&) {
        mine.run(never_enough);
        throw;
    }
    mine.run(never_enough);
}

void take_turn(std::unique_ptr<continuation> next) {
    if (in_turn != nullptr) return in_turn->add(std::move(next));
    begin_turns([next = std::move(next)]() mutable {
        next->run();
        next.reset();
    });
}

// Whoever waits inside of a callback may wait for what is to go on after it.
template <class Enough>
void others_go_on(Enough enough) {
    if (in_turn != nullptr) in_turn->run(enough);
}

thread_local constinit const hearing* heard_by = nullptr;

/// Works for a call.
struct for_a_call final : continuation {
    for_a_call(std::unique_ptr<continuation> next, std::shared_ptr<shell::context_state> of)
        : next_(std::move(next)), of_(std::move(of)) {}
    void run() override {
        const current_call::scope here(of_.get());
        next_->run();
        next_.reset();
    }

private:
    std::unique_ptr<continuation> next_;
    std::shared_ptr<shell::context_state> of_;
};

}  // namespace

void let_others_go_on(const std::function<bool()>& done) { others_go_on(done); }

std::unique_ptr<continuation> for_this_call(std::unique_ptr<continuation> next) {
    current_call* const here = current_call::here();
    if (here == nullptr) return next;
    return std::make_unique<for_a_call>(std::move(next), here->known());
}

namespace {
// The coroutine that this thread goes on with, and what it settles if that ends.
struct resumed {
    const void* coroutine;
    state_ref<state_base> ended = {};
};
thread_local constinit resumed* resumed_here = nullptr;
}  // namespace

bool resume::takes(const void* ended, state_base& result) noexcept {
    if (resumed_here == nullptr || resumed_here->coroutine != ended) return false;
    resumed_here->coroutine = nullptr;  // its place may be another's from now on
    result.retain();
    resumed_here->ended = state_ref<state_base>(&result);
    return true;
}

// What goes on after it may end the thread: that must not pass through the end of a coroutine, which may throw
// nothing. It is no turn: a coroutine may wait for one that goes on elsewhere meanwhile, and what has its turn
// on this thread would wait behind it.
MAUS_CATCHES_FORCED_UNWIND void resume::run() {
    resumed its{waiting_.address()};
    try {
        const struct here {
            explicit here(resumed& of) : outer(std::exchange(resumed_here, &of)) {}
            ~here() { resumed_here = outer; }
            resumed* outer;
        } while_it_runs(its);
        waiting_.resume();
    } catch (const abi::__forced_unwind&) {
        throw;
    } catch (...) {
        // No C++ exception: the coroutine's future has it.
    }
    if (its.ended) its.ended->settle_as_put();
}

hearing::hearing(call_owner& owner, std::uint32_t method) noexcept
    : owner_(owner), method_(method), outer_(std::exchange(heard_by, this)) {}
hearing::~hearing() { heard_by = outer_; }

std::exception_ptr caught() {
    if (auto thrown = std::current_exception()) return thrown;
    return std::make_exception_ptr(
        error(errc::remote_exception, "what was thrown is no C++ exception"));
}
std::exception_ptr thread_ended() {
    return std::make_exception_ptr(
        error(errc::remote_exception, "it ended its thread (pthread_exit) and not only itself"));
}

void state_base::throw_bad_result(const std::string& why) const {
    std::string function = owner_ ? owner_->name_of(method) : std::string{};
    throw error(errc::bad_result, failure_text(function, errc::bad_result, {}, why))
        .about(std::move(function));
}

void state_base::report_unheard() noexcept {
    try {
        if (owner_) {
            owner_->unheard(method, failure_);
        } else if (heard_by != nullptr) {
            heard_by->tell(failure_);
        }
    } catch (...) {
        // There is no memory for a line of the log.
    }
}

void state_base::go_on_here() {
    auto next = std::exchange(continuation_, nullptr);
    if (!owner_) return take_turn(std::move(next));
    const hearing its(*owner_, method);
    take_turn(std::move(next));
}

// --- progress ------------------------------------------------------------------------------------

progress_hook& state_base::hook() {
    progress_hook* seen = progress_.load(std::memory_order_acquire);
    if (seen != nullptr) return *seen;
    auto made = std::make_unique<progress_hook>();
    if (progress_.compare_exchange_strong(seen, made.get(), std::memory_order_acq_rel)) {
        return *made.release();
    }
    return *seen;
}

void state_base::keep(std::shared_ptr<const void> kept) {
    progress_hook& its = hook();
    const std::lock_guard lock(its.guard);
    its.kept = std::move(kept);
}

// One at a time is on its way: a function may tell more than its listener can hear.
void state_base::post_if_due(progress_hook& its) {
    if (!is_owned_ || !its.listener || !its.latest || its.posted) return;
    its.posted = true;
    owner_->post_progress(*this);
}

void state_base::listen(std::function<void(const progress&)> listener) {
    progress_hook& its = hook();
    const std::lock_guard lock(its.guard);
    its.listener = std::move(listener);
    post_if_due(its);
}

void state_base::progressed(progress how_far) {
    progress_hook& its = hook();
    const std::lock_guard lock(its.guard);
    its.latest = std::move(how_far);
    post_if_due(its);
}

void state_base::tell_progress() {
    progress_hook& its = hook();
    std::unique_lock lock(its.guard);
    its.posted = false;
    const auto told = std::exchange(its.latest, std::nullopt);
    const auto listener = its.listener;
    lock.unlock();
    if (!told || !listener) return;
    try {
        listener(*told);
    } catch (...) {
        if (owner_) owner_->unheard(method, caught());
    }
}

// --- waiting and waking --------------------------------------------------------------------------

void waiting::drive_until(const std::function<bool()>& done, base::instant end) const {
    const current_call::scope none(nullptr);
    const auto is_over = [&] { return done() || (end != base::never && net::clock_now() >= end); };
    if (hook_ != nullptr && hook_->drives()) {
        while (!is_over()) hook_->drive();
    } else if (shell::must_drive()) {
        const base::duration time =
            end == base::never ? base::duration::max() : end - net::clock_now();
        shell::drive_while_waiting(done, time, net::clock_now);
    }
}

namespace {
bool must_drive_here() {
    const auto* const hook = wait_hook::here();
    return shell::must_drive() || (hook != nullptr && hook->drives());
}
}  // namespace

void state_base::wait() {
    if (ready()) return;
    others_go_on([this] { return ready(); });
    if (ready()) return;
    const waiting here;
    if (must_drive_here()) [[unlikely]] {
        here.drive_until([this] { return ready(); }, base::never);
        if (ready()) return;
    }
    if (is_owned_) owner_->attend(*this, base::never);
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
    others_go_on([&] { return ready() || clock::now() - begun >= time; });
    if (ready()) return true;
    const waiting here;
    if (must_drive_here()) [[unlikely]] {
        here.drive_until([this] { return ready(); }, base::after(net::clock_now(), time));
        if (ready() || must_drive_here()) return ready();
    }
    if (is_owned_ && time > time.zero()) {
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
    // What goes on at once does so for the call of this thread anyway.
    const bool later = in_turn != nullptr || !ready();
    continuation_ = later ? for_this_call(std::move(next)) : std::move(next);
    const auto seen = word_.fetch_or(continued_bit, std::memory_order_acq_rel);
    if ((seen & settled_bit) != 0) go_on_here();
}

// --- cancelling ----------------------------------------------------------------------------------

class state_base::latched {
public:
    explicit latched(std::atomic<bool>& latch) : latch_(latch) {
        while (latch_.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
    }
    ~latched() { latch_.store(false, std::memory_order_release); }
    latched(const latched&) = delete;
    latched& operator=(const latched&) = delete;

private:
    std::atomic<bool>& latch_;
};

// One after the other: chains may be long, of whatever they are made.
void state_base::cancel() {
    if (is_owned_) {
        if (!ready()) owner_->cancel(*this);
        return;
    }
    retain();
    std::vector<state_ref<state_base>> left;
    left.emplace_back(this);
    while (!left.empty()) {
        const auto each = std::move(left.back());
        left.pop_back();
        if (each->ready()) continue;
        if (each->is_owned_) {
            each->owner_->cancel(*each);
            continue;
        }
        each->add_sources(left);
        state_ref<state_base> source;
        {
            const latched now(each->source_latch_);
            each->cancel_asked_ = true;
            source = each->source_;
        }
        if (source) left.push_back(std::move(source));
    }
}

void state_base::wait_for_source(state_ref<state_base> source) {
    bool cancels = false;
    state_ref<state_base> before = source;
    {
        const latched now(source_latch_);
        std::swap(source_, before);
        cancels = cancel_asked_;
    }
    if (cancels) source->cancel();
}

void state_base::forget_source() noexcept {
    state_ref<state_base> before;
    const latched now(source_latch_);
    std::swap(source_, before);
}

bool state_base::settled(executor* where) {
    if (!is_owned_) forget_source();
    const auto seen = word_.fetch_or(settled_bit, std::memory_order_acq_rel);
    const bool woke = (seen & waited_bit) != 0;
    if (woke) futex_wake_all(word_);
    if ((seen & continued_bit) != 0) {
        if (where != nullptr) {
            where->post(std::exchange(continuation_, nullptr), *this);
        } else {
            // Of whoever waits for it, and not for whom it is settled.
            const current_call::scope none(nullptr);
            go_on_here();
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
