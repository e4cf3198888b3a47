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
    auto& later = asked().later;
    if (!later) {
        later = std::make_shared<deferred_reply>(with_.completions, job_.link, job_.attempt);
    }
    return later;
}

void running_call::deferred() {
    deferred_reply& later = *asked_->later;
    if (std::exchange(asked_->context, nullptr)) later.leave_stops(with_.stops);
    if (auto* threw = std::get_if<core::job_fault>(&done_.outcome)) {
        later.fault(threw->code, std::move(threw->type), std::move(threw->text));
    }
    later.function_returned();
}

std::shared_ptr<context_state> running_call::known() {
    auto& its = asked().context;
    if (!its) {
        auto source = with_.stops->enter(job_.link, job_.attempt);
        if (!with_.threads.still_wanted(job_)) source.request_stop();
        its =
            std::make_shared<job_context>(job_, its_fence(), source.get_token(), with_.completions);
    }
    return its;
}

void running_call::pass_on(detail::call_policy& to) const {
    trace_context trace;
    if (job_.extensions && !(to.tags && !to.tags->trace.empty())) {
        // The machine has checked them.
        if (const auto read = wire::decode_call_extensions(job_.extensions->view(), {})) {
            trace = read->trace;
        }
    }
    context_state::pass_on(job_.deadline, trace, to);
}

std::shared_ptr<detail::function_calls> running_call::functions() {
    auto& its = asked().functions;
    // What they need of the call may be asked for, too: so not before they are made.
    if (!its) its = std::make_shared<received_functions>(*this, with_);
    // Until the function returns: what it waits for may need its place.
    detail::wait_hook::here() = with_.callbacks.get();
    return its;
}

maus::fence running_call::its_fence() const {
    return {to_string(job_.manager),    job_.attempt.call.value,        job_.attempt.number.value,
            to_string(with_.worker.id), with_.worker.incarnation.value, job_.lease.epoch,
            job_.lease.sequence};
}

}  // namespace maus::shell
