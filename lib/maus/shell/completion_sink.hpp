// The way from the functions of a worker to its state machine: what became of each call.
//
// Functions finish on any thread, and a responder may outlive the worker: so they all hold the sink,
// and the sink knows whether the worker is still there.
//
// Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <variant>
#include <vector>

#include "maus/core/worker.hpp"
#include "maus/net/reactor.hpp"

namespace maus::shell {

class stream_run;
/// Items of a stream lie ready to be taken.
struct items_ready {
    std::shared_ptr<stream_run> of;
};

using completion =
    std::variant<core::job_done, core::job_detached, core::job_started, core::job_progress,
                 core::job_callback, core::hook_done, core::stop_worker, items_ready>;

class completion_sink {
public:
    void open(net::reactor& to) {
        const std::lock_guard lock(guard_);
        to_ = &to;
    }
    /// What is put from now on is dropped.
    void close() {
        const std::lock_guard lock(guard_);
        to_ = nullptr;
    }
    void put(completion done) {
        const std::lock_guard lock(guard_);
        if (to_ == nullptr) return;
        waiting_.push_back(std::move(done));
        to_->wake();
    }
    /// The loop goes round once, for what does not come by here.
    void wake() {
        const std::lock_guard lock(guard_);
        if (to_ != nullptr) to_->wake();
    }
    /// All that is there, in the order in which it was put. The vectors change places.
    void take(std::vector<completion>& into) {
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
    net::reactor* to_ = nullptr;
    std::vector<completion> waiting_;
};

}  // namespace maus::shell
