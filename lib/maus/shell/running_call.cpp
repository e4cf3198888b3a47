#include "maus/shell/running_call.hpp"

#include <utility>

#include "maus/shell/received_functions.hpp"
#include "maus/wire/call_extensions.hpp"

namespace maus::shell {

// --- deferred_reply ------------------------------------------------------------------------------

deferred_reply::~deferred_reply() {
    if (!answered_) {
        deferred_reply::fault(errc::remote_exception, "maus::responder",
                              "the function let go of its responder without an answer");
    }
}

void deferred_reply::value(base::buffer payload) { answer(core::job_value{std::move(payload)}); }

void deferred_reply::fault(errc code, std::string type, std::string text) {
    answer(core::job_fault{code, std::move(type), std::move(text)});
}

void deferred_reply::function_returned() {
    const std::lock_guard lock(guard_);
    if (answered_) return;
    detached_ = true;
    to_->put(core::job_detached{link_, attempt_});
}

template <class Outcome>
void deferred_reply::answer(Outcome outcome) {
    const std::lock_guard lock(guard_);
    if (std::exchange(answered_, true)) return;
    if (stops_) std::exchange(stops_, nullptr)->leave(link_, attempt_);
    to_->put(core::job_done{link_, attempt_, detached_, std::move(outcome)});
}

void deferred_reply::leave_stops(std::shared_ptr<call_stops> stops) {
    const std::lock_guard lock(guard_);
    answered_ ? stops->leave(link_, attempt_) : void(stops_ = std::move(stops));
}

// --- running_call --------------------------------------------------------------------------------

std::shared_ptr<detail::reply> running_call::defer() {
    if (!later_) {
        later_ = std::make_shared<deferred_reply>(with_.completions, job_.link, job_.attempt);
    }
    return later_;
}

void running_call::deferred() {
    if (std::exchange(context_, nullptr)) later_->leave_stops(with_.stops);
    if (auto* threw = std::get_if<core::job_fault>(&done_.outcome)) {
        later_->fault(threw->code, std::move(threw->type), std::move(threw->text));
    }
    later_->function_returned();
}

std::shared_ptr<context_state> running_call::known() {
    if (!context_) {
        auto source = with_.stops->enter(job_.link, job_.attempt);
        if (!with_.threads.still_wanted(job_)) source.request_stop();
        context_ =
            std::make_shared<job_context>(job_, fence(), source.get_token(), with_.completions);
    }
    return context_;
}

void running_call::pass_on(call_options& to) const {
    trace_context trace;
    if (job_.extensions && to.trace.empty()) {
        // The machine has checked them.
        if (const auto read = wire::decode_call_extensions(job_.extensions->view(), {})) {
            trace = read->trace;
        }
    }
    context_state::pass_on(job_.deadline, trace, to);
}

std::shared_ptr<detail::function_calls> running_call::functions() {
    if (!functions_) functions_ = std::make_shared<received_functions>(*this, with_);
    // Until the function returns: what it waits for may need its place.
    detail::wait_hook::here() = with_.callbacks.get();
    return functions_;
}

maus::fence running_call::fence() const {
    return {to_string(job_.manager),    job_.attempt.call.value,        job_.attempt.number.value,
            to_string(with_.worker.id), with_.worker.incarnation.value, job_.lease.epoch,
            job_.lease.sequence};
}

}  // namespace maus::shell
