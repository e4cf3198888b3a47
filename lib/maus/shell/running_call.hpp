// One call on its way through a function of the program.
//
// The function answers before it returns, or takes a deferred_reply with it and answers later,
// perhaps on another thread, perhaps before it has returned. Either way the state machine hears of
// each call exactly once: by done(), or through the completion_sink.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "maus/core/worker.hpp"
#include "maus/shell/call_stops.hpp"
#include "maus/shell/callback_desk.hpp"
#include "maus/shell/completion_sink.hpp"
#include "maus/shell/context_state.hpp"
#include "maus/shell/function_threads.hpp"
#include "maus/shell/script_host.hpp"
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
    /// Leave them when it is answered.
    void leave_stops(std::shared_ptr<call_stops> stops);

private:
    template <class Outcome>
    void answer(Outcome outcome);

    std::shared_ptr<completion_sink> to_;
    std::uint64_t link_;
    wire::attempt attempt_;
    std::mutex guard_;
    bool detached_ = false;
    bool answered_ = false;
    std::shared_ptr<call_stops> stops_;  // none: no token was asked for
};

/// What a worker exposes, in one order.
struct exposed_functions {
    std::vector<std::string> signatures;
    std::vector<detail::handler> handlers;
};

/// What a function's call needs of its worker.
struct call_services {
    const core::worker_config& worker;
    std::shared_ptr<const exposed_functions> exposed;
    std::shared_ptr<completion_sink> completions;
    std::shared_ptr<call_stops> stops;
    const function_threads& threads;
    std::shared_ptr<callback_desk> callbacks;
    std::shared_ptr<script_host> scripts;  ///< none: it runs no scripts
};

/// By the thread that runs the function, which works for it meanwhile.
class running_call final : public detail::invocation, public current_call {
public:
    running_call(core::job& job, const call_services& with) : job_(job), with_(with) {
        done_.link = job.link;
        done_.attempt = job.attempt;
        done_.outcome.emplace<core::job_value>();
    }
    ~running_call() {
        if (asked_ && asked_->context) with_.stops->leave(job_.link, job_.attempt);
    }
    running_call(const running_call&) = delete;
    running_call& operator=(const running_call&) = delete;

    [[nodiscard]] base::buffer& arguments() override { return job_.payload; }
    [[nodiscard]] base::buffer& value() override {
        return std::get_if<core::job_value>(&done_.outcome)->payload;
    }
    void fault(errc code, std::string type, std::string text) override {
        done_.outcome = core::job_fault{code, std::move(type), std::move(text)};
    }
    [[nodiscard]] std::shared_ptr<detail::reply> defer() override;
    [[nodiscard]] maus::context context() override { return maus::context(known()); }
    void give(std::unique_ptr<detail::item_source> items) override {
        asked().items = std::move(items);
    }
    [[nodiscard]] std::shared_ptr<detail::function_calls> functions() override;
    [[nodiscard]] std::shared_ptr<const void> function() const override { return with_.exposed; }
    [[nodiscard]] const core::job& job() const { return job_; }

    // --- once the function has returned
    /// False: the function took a reply with it. Call deferred() then, and not done().
    [[nodiscard]] bool answered() const { return !asked_ || !asked_->later; }
    [[nodiscard]] core::job_done&& done() { return std::move(done_); }
    void deferred();
    /// Of a function that gives items: null if it failed.
    [[nodiscard]] std::unique_ptr<detail::item_source> take_items() {
        return asked_ ? std::move(asked_->items) : nullptr;
    }

    // --- current_call
    [[nodiscard]] std::shared_ptr<context_state> known() override;
    [[nodiscard]] maus::fence its_fence() const override;
    void pass_on(detail::call_policy& to) const override;

    /// While it lives, the function runs.
    class scope {
    public:
        explicit scope(running_call& runs) : call_(&runs), hook_(detail::wait_hook::here()) {
            if (runs.asked_ && runs.asked_->functions) [[unlikely]]
                detail::wait_hook::here() = runs.with_.callbacks.get();
        }
        ~scope() { detail::wait_hook::here() = hook_; }
        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;

    private:
        current_call::scope call_;  // in a program's own loop another waits for its caller
        detail::wait_hook* hook_;
    };

private:
    // What few functions ask for, or give.
    struct asked_for {
        std::shared_ptr<deferred_reply> later;
        std::shared_ptr<context_state> context;
        std::unique_ptr<detail::item_source> items;
        std::shared_ptr<detail::function_calls> functions;
    };
    [[nodiscard]] asked_for& asked() {
        if (!asked_) asked_ = std::make_unique<asked_for>();
        return *asked_;
    }

    core::job& job_;
    const call_services& with_;
    core::job_done done_;
    std::unique_ptr<asked_for> asked_;  // mostly none
};

}  // namespace maus::shell
