// maus call and maus map: a manager without an address, whose calls are relayed by the parkserver.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace maus::cli {

struct call_choices {
    std::string parkserver;
    std::chrono::milliseconds answer_within{2000};  ///< of the parkserver
    std::string type;                               ///< of workers; empty: whichever expose it
    std::string function;
    std::chrono::nanoseconds timeout = std::chrono::nanoseconds::max();  ///< of a call
    bool json = false;
    std::vector<std::string> words;  ///< call: the arguments
    std::size_t jobs = 0;            ///< map: calls at a time; 0: whatever the workers take
    bool unordered = false;
    bool keep_going = false;
    std::uint64_t skip = 0;
};

/// Exit codes.
[[nodiscard]] int call(const call_choices& chosen);
[[nodiscard]] int map(const call_choices& chosen);

}  // namespace maus::cli
