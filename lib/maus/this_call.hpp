// What a function may ask about the call that it is running for.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace maus {

/// Names one attempt at one call. Of two attempts at the same call (same manager and call), the one
/// with the larger `attempt` is the newer: a store that remembers it can refuse a writer that was
/// given up.
struct fence {
    std::string manager;            ///< the manager's id, 32 hexadecimal digits
    std::uint64_t call = 0;         ///< unique within that manager's life
    std::uint32_t attempt = 0;      ///< from 1
    std::string worker;             ///< this worker's id
    std::uint64_t incarnation = 0;  ///< of this worker
    std::uint64_t lease_epoch = 0;  ///< of the parkserver that made the lease; 0 in direct mode
    std::uint64_t lease_sequence = 0;
};

namespace this_call {

/// The fence of the call that the calling thread runs a function for. A coroutine or a responder's
/// function reads it before it first waits. Throws maus::error (invalid_argument) outside of a function.
[[nodiscard]] maus::fence fence();

}  // namespace this_call
}  // namespace maus
