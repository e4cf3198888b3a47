// A process's history as a file: one fact a line, as JSON. Written by each process of the fault
// tests, read by the one that runs them.
//
// What always holds: a line is written with one write(), so a process that is killed leaves whole
// lines; a fact's time is the machine's monotonic clock, so the histories of several processes can
// be merged.
#pragma once

#include <cstdint>
#include <ios>
#include <map>
#include <string>
#include <vector>

#include "sim/history.hpp"

namespace faults {

using maus::sim::fact;
using kind = fact::kind;

/// The machine's time, as facts have it.
[[nodiscard]] maus::base::instant now();

/// 32 hexadecimal digits -> id.
template <class Id>
[[nodiscard]] Id id_from(const std::string& digits) {
    Id made;
    for (std::size_t i = 0; i < made.bytes.size() && 2 * i + 1 < digits.size(); ++i) {
        made.bytes[i] = static_cast<std::uint8_t>(std::stoul(digits.substr(2 * i, 2), nullptr, 16));
    }
    return made;
}

class journal {
public:
    /// Appends to the file. `number` is the process's in all histories.
    journal(const std::string& path, std::uint32_t number);
    journal(const journal&) = delete;
    journal& operator=(const journal&) = delete;
    ~journal();

    [[nodiscard]] fact begin(kind what) const;
    /// Writes it down; thread-safe. The time is now unless the fact has one.
    void add(fact what);

private:
    int file_;
    std::uint32_t number_;
};

/// Reads a journal while it grows. The file is closed in between: processes that are started must not
/// inherit it, and a soak has thousands of them.
class journal_reader {
public:
    explicit journal_reader(std::string path) : path_(std::move(path)) {}
    /// The facts that were added since the last time. Throws if a line is no fact.
    [[nodiscard]] std::vector<fact> more();

private:
    std::string path_;
    std::streamoff read_ = 0;                               // so many bytes of it
    std::map<maus::base::lease_id, std::uint64_t> leases_;  // of a worker -> their order
};

}  // namespace faults
