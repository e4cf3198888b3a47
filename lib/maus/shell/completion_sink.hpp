// The way from the functions of a worker to its state machine: what became of each call.
//
// Functions finish on any thread, and a responder may outlive the worker: so they all hold the sink,
// and the sink knows whether the worker is still there.
//
// Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "maus/core/worker.hpp"
#include "maus/net/reactor.hpp"
#include "maus/shell/event_queue.hpp"

namespace maus::shell {

class stream_run;
/// Items of a stream lie ready to be taken.
struct items_ready {
    std::shared_ptr<stream_run> of;
};

using completion = std::variant<core::job_done, core::job_detached, core::job_started,
                                core::job_progress, core::job_callback, core::hook_done,
                                core::stop_worker, items_ready>;

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
        if (queue_.put(std::move(done)) != 0) to_->wake();
    }
    void take(std::vector<completion>& into) { queue_.take(into); }
    [[nodiscard]] bool empty() const { return queue_.empty(); }

private:
    std::mutex guard_;
    net::reactor* to_ = nullptr;
    event_queue<completion> queue_;
};

}  // namespace maus::shell
