// One call on its way through a function of the program.
//
// The function answers before it returns, or takes a deferred_reply with it and answers later,
// perhaps on another thread, perhaps before it has returned. Either way the state machine hears of
// each call exactly once: by done(), or through the completion_sink.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "maus/core/worker.hpp"
#include "maus/shell/completion_sink.hpp"
#include "maus/worker.hpp"

namespace maus::shell {

/// The answer to a call that is given later. Thread-safe.
class deferred_reply final : public detail::reply {
public:
    deferred_reply(std::shared_ptr<completion_sink> to, std::uint64_t link, wire::attempt attempt)
        : to_(std::move(to)), link_(link), attempt_(attempt) {}
    /// Without an answer so far, the call fails.
    ~deferred_reply() override;
    void value(base::buffer payload) override;
    using reply::fault;
    void fault(errc code, std::string type, std::string text) override;
    void function_returned();

private:
    template <class Outcome>
    void answer(Outcome outcome);

    std::shared_ptr<completion_sink> to_;
    std::uint64_t link_;
    wire::attempt attempt_;
    std::mutex guard_;
    bool detached_ = false;
    bool answered_ = false;
};

/// By the thread that runs the function.
class running_call final : public detail::invocation {
public:
    running_call(core::job& job, const std::shared_ptr<completion_sink>& to)
        : job_(job), to_(to), done_{job.link, job.attempt, false, core::job_value{}} {}

    [[nodiscard]] base::buffer& arguments() override { return job_.payload; }
    [[nodiscard]] base::buffer& value() override {
        return std::get_if<core::job_value>(&done_.outcome)->payload;
    }
    void fault(errc code, std::string type, std::string text) override {
        done_.outcome = core::job_fault{code, std::move(type), std::move(text)};
    }
    [[nodiscard]] std::shared_ptr<detail::reply> defer() override;

    // --- once the function has returned
    /// False: the function took a reply with it. Call deferred() then, and not done().
    [[nodiscard]] bool answered() const { return !later_; }
    [[nodiscard]] core::job_done&& done() { return std::move(done_); }
    void deferred();

private:
    core::job& job_;
    const std::shared_ptr<completion_sink>& to_;
    std::shared_ptr<deferred_reply> later_;
    core::job_done done_;
};

/// The call that this thread runs a function for; null: none.
struct call_context {
    const core::job& job;
    const core::worker_config& worker;
};
inline thread_local constinit const call_context* current_call = nullptr;

/// What this_call::fence() gives.
[[nodiscard]] maus::fence fence_of_current_call();

}  // namespace maus::shell
