#include "maus/error.hpp"

namespace maus {

std::string_view to_string(errc code) noexcept {
    switch (code) {
        case errc::poisoned: return "poisoned";
        case errc::maybe_executed: return "maybe_executed";
        case errc::deadline_exceeded: return "deadline_exceeded";
        case errc::attempt_timeout: return "attempt_timeout";
        case errc::no_workers: return "no_workers";
        case errc::cancelled: return "cancelled";
        case errc::remote_exception: return "remote_exception";
        case errc::no_such_function: return "no_such_function";
        case errc::signature_mismatch: return "signature_mismatch";
        case errc::bad_arguments: return "bad_arguments";
        case errc::bad_result: return "bad_result";
        case errc::too_large: return "too_large";
        case errc::overloaded: return "overloaded";
        case errc::auth_failed: return "auth_failed";
        case errc::protocol_violation: return "protocol_violation";
        case errc::version_mismatch: return "version_mismatch";
        case errc::shutdown: return "shutdown";
        case errc::invalid_argument: return "invalid_argument";
        case errc::resource_exhausted: return "resource_exhausted";
        case errc::unimplemented: return "unimplemented";
        case errc::worker_lost: return "worker_lost";
        case errc::stream_broken: return "stream_broken";
    }
    return "unknown";
}

std::string_view describe(errc code) noexcept {
    switch (code) {
        case errc::poisoned:
            return "a worker died each time this call ran; look at the attempts and at the "
                   "function";
        case errc::maybe_executed:
            return "the worker was lost and the call may not be tried twice; find out whether it "
                   "ran";
        case errc::deadline_exceeded:
            return "the call's deadline passed; allow more or add workers";
        case errc::attempt_timeout: return "the function ran longer than attempt_timeout allows";
        case errc::no_workers: return "no worker came in time; start workers of the type asked for";
        case errc::cancelled: return "the call was cancelled or its workers were released";
        case errc::remote_exception: return "the function threw an exception";
        case errc::no_such_function: return "no worker exposes a function of this name";
        case errc::signature_mismatch: return "the function has other parameters or another result";
        case errc::bad_arguments: return "the worker could not decode the arguments";
        case errc::bad_result: return "the result could not be decoded";
        case errc::too_large:
            return "a limit on size was exceeded; send less, or raise the limit that the error "
                   "names "
                   "(maus/limits.hpp) at both ends";
        case errc::overloaded:
            return "a bounded queue is full; slow down, add workers or let it block";
        case errc::auth_failed: return "the peer is not allowed to do that";
        case errc::protocol_violation: return "the peer broke the protocol";
        case errc::version_mismatch: return "the peer speaks another version of the protocol";
        case errc::shutdown: return "the manager, worker or parkserver is stopping";
        case errc::invalid_argument: return "the program asked for what cannot be; change the call";
        case errc::resource_exhausted:
            return "the system has no more descriptors, threads or memory; raise its limits or use "
                   "less";
        case errc::unimplemented:
            return "the peer does not know this kind of message; update its libmaus";
        case errc::worker_lost:
            return "the only worker that the call was for has gone; make it again for another one";
        case errc::stream_broken:
            return "a worker was lost in the middle of a stream; declare the call replayable if "
                   "its "
                   "function gives the same items again";
    }
    return "unknown error";
}

}  // namespace maus
