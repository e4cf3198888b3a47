#include "maus/shell/own_loops.hpp"

#include <poll.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "maus/shell/current_call.hpp"

namespace maus::shell {

namespace {
// What a thread waits for may be settled by another thread, which does not know of its loops.
constexpr base::duration longest_wait = std::chrono::milliseconds{2};
}  // namespace

struct loop_member::entry {
    own_loop* loop = nullptr;
    loop_member* member = nullptr;
    bool is_manager = false;
    std::atomic<bool> gone{false};
    std::atomic<std::uint64_t> home{0};  // the number of the thread that drives it
};

namespace {
// An address would not do: that of a thread which has ended may be the next one's.
std::uint64_t next_thread_number() {
    static std::atomic<std::uint64_t> given{0};
    return ++given;
}
}  // namespace

/// Those of one thread.
struct thread_loops {
    const std::uint64_t number = next_thread_number();
    std::vector<std::shared_ptr<loop_member::entry>> all;

    [[nodiscard]] static thread_loops& here() {
        thread_local thread_loops mine;
        return mine;
    }
    void add(const std::shared_ptr<loop_member::entry>& made) {
        made->home = number;
        all.push_back(made);
        count();
    }
    /// Forgets those that are gone, or that another thread drives now.
    void count();
    void drive(base::duration time);
    [[nodiscard]] static bool is_inside(const loop_member::entry& of) {
        return of.member->is_inside();
    }
};

namespace {
// Apart, for a look that costs next to nothing.
thread_local constinit std::size_t managers_here = 0;
}  // namespace

void thread_loops::count() {
    std::erase_if(all, [this](const auto& each) { return each->gone || each->home != number; });
    managers_here = static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const auto& each) { return each->is_manager; }));
}

void thread_loops::drive(base::duration time) {
    count();
    std::vector<std::shared_ptr<loop_member::entry>> idle;
    std::vector<pollfd> fds;
    for (const auto& each : all) {
        // One that is driven already waits for what called us.
        if (is_inside(*each)) continue;
        idle.push_back(each);
        fds.push_back({each->loop->loop_fd(), POLLIN, 0});
    }
    const timespec at_most{
        0, std::clamp<base::duration>(time, base::duration::zero(), longest_wait).count()};
    if (::ppoll(fds.data(), fds.size(), &at_most, nullptr) <= 0) return;
    for (std::size_t i = 0; i < fds.size(); ++i) {
        // A callback may have destroyed it.
        if (fds[i].revents == 0 || idle[i]->gone) continue;
        if (!idle[i]->loop->process_loop()) idle[i]->gone = true;
    }
    count();
}

loop_member::loop_member(own_loop& of, bool is_manager) : entry_(std::make_shared<entry>()) {
    entry_->loop = &of;
    entry_->member = this;
    entry_->is_manager = is_manager;
    thread_loops::here().add(entry_);
}

loop_member::~loop_member() { leave(); }
void loop_member::leave() noexcept { entry_->gone = true; }

void loop_member::move_here() {
    if (entry_->home == thread_loops::here().number || entry_->gone) return;
    thread_loops::here().add(entry_);
}

bool must_drive() noexcept { return managers_here != 0; }
void drive(base::duration time) {
    const current_call::scope none(nullptr);  // what runs meanwhile is not of the call that waits
    thread_loops::here().drive(time);
}

}  // namespace maus::shell
