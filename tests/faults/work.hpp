// What the managers of the fault tests call and their workers do: the simulator's functions, with
// the same arguments and answers, over the public API.
#pragma once

#include <cstdint>
#include <maus/maus.hpp>
#include <string>

#include "sim/functions.hpp"

namespace faults {

using maus::sim::function;

/// A call's arguments.
struct ask {
    std::uint64_t ticket = 0;  ///< names the call in all histories
    std::uint64_t argument = 0;
    std::uint32_t run_us = 0;  ///< how long the function takes
    std::string extra;         ///< comes back

    template <class Archive>
    void serialize(Archive& archive) {
        archive(ticket, argument, run_us, extra);
    }
};

/// A result carries who made it, so that a checker can tell whether it was to be accepted.
struct answer {
    std::uint64_t ticket = 0;
    std::uint64_t value = 0;
    std::uint64_t call = 0;
    std::uint32_t attempt = 0;
    std::string worker;
    std::string extra;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(ticket, value, call, attempt, worker, extra);
    }
};

using method = maus::method<answer(ask)>;
inline constexpr method echo{"echo"};      ///< after `run_us`
inline constexpr method hang{"hang"};      ///< until its worker's process is asked to end
inline constexpr method poison{"poison"};  ///< aborts its process
inline constexpr method toss{"toss"};      ///< throws "tossed ARGUMENT"
inline constexpr method greedy{
    "greedy"};                           ///< wants 4 GiB; throws "tossed ARGUMENT" if it gets none
inline constexpr method later{"later"};  ///< by a responder, from another thread, after `run_us`
/// So many bytes, once there is a file of that name (at once without a name). It is in no history: rows
/// call it by hand.
inline constexpr maus::method<std::string(std::string, std::uint64_t)> give{"give"};

}  // namespace faults
