#include "maus/shell/running_call.hpp"

#include <utility>

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
    to_->put(core::job_done{link_, attempt_, detached_, std::move(outcome)});
}

// --- running_call --------------------------------------------------------------------------------

std::shared_ptr<detail::reply> running_call::defer() {
    if (!later_) later_ = std::make_shared<deferred_reply>(to_, job_.link, job_.attempt);
    return later_;
}

void running_call::deferred() {
    if (auto* threw = std::get_if<core::job_fault>(&done_.outcome)) {
        later_->fault(threw->code, std::move(threw->type), std::move(threw->text));
    }
    later_->function_returned();
}

maus::fence fence_of_current_call() {
    if (current_call == nullptr) {
        throw error(errc::invalid_argument,
                    "maus::this_call::fence(): no function runs on this thread");
    }
    const auto& [job, worker] = *current_call;
    return {to_string(job.manager), job.attempt.call.value,   job.attempt.number.value,
            to_string(worker.id),   worker.incarnation.value, job.lease.epoch,
            job.lease.sequence};
}

}  // namespace maus::shell
