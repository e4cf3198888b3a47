// The texts of scripts on one link, as its two ends remember them (PROTOCOL.md, section 6.5).
//
// a text      | event                                            | next
// ------------|--------------------------------------------------|------------
// (not known) | told                                             | known: the newest
// known       | told again                                       | known: the newest
// known       | others were told, and all have too many bytes    | (not known): the oldest first
//
// Both ends go by the same rule, so the manager knows what its worker knows. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "maus/core/outbox.hpp"
#include "maus/script.hpp"

namespace maus::core {

using script_pointer = std::shared_ptr<const detail::script_source>;

/// A value: a job has what was known when it came.
class known_scripts {
public:
    explicit known_scripts(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

    void told(script_pointer one);
    /// Null if it is not known.
    [[nodiscard]] script_pointer find(const base::script_id& id) const;
    [[nodiscard]] std::uint64_t bytes_max() const { return bytes_max_; }

private:
    std::uint64_t bytes_max_;
    std::uint64_t bytes_ = 0;
    std::vector<script_pointer> oldest_first_;  // as many as a few kilobytes each make room for
};

/// Tells the worker what a call refers to, right before the call, unless it knows all of that.
void tell_scripts(const detail::script_list& needed, known_scripts& known, link_address& to,
                  outbox& out);

}  // namespace maus::core
