// The callbacks of one link, as its manager sees them (PROTOCOL.md, section 6.3).
//
// a callback | event                                          | next
// -----------+------------------------------------------------+---------------------------------------
// -          | callback                                       | open
// open       | its callable says something                    | answered, by that
// open       | its call is settled, or its worker answers it  | answered, with cancelled
// answered   | its callable says something                    | answered; that is dropped
//
// A callable may run for long after nobody waits for its call. It must not keep room that other functions
// of its worker need to ask.
#pragma once

#include <cstdint>
#include <vector>

#include "maus/base/assert.hpp"
#include "maus/wire/link.hpp"

namespace maus::core {

class open_callbacks {
public:
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

    /// `bytes`: of its arguments. Returns its slot, for close().
    std::uint32_t add(wire::attempt of, wire::callback which, std::uint64_t bytes) {
        auto slot = static_cast<std::uint32_t>(slots_.size());
        if (free_.empty()) {
            slots_.emplace_back();
        } else {
            slot = free_.back();
            free_.pop_back();
        }
        slots_[slot] = {of, which, bytes, true};
        ++count_;
        bytes_ += bytes;
        return slot;
    }
    /// False: it is not open.
    [[nodiscard]] bool close(std::uint32_t slot, wire::attempt of, wire::callback which) {
        if (slot >= slots_.size()) return false;
        const callback& at = slots_[slot];
        if (!at.is_open || at.of != of || at.which.id != which.id) return false;
        close(slot);
        return true;
    }
    /// All of this attempt.
    [[nodiscard]] std::vector<wire::callback> close_all(wire::attempt of) {
        std::vector<wire::callback> closed;
        for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
            if (!slots_[slot].is_open || slots_[slot].of != of) continue;
            closed.push_back(slots_[slot].which);
            close(slot);
        }
        return closed;
    }

private:
    struct callback {
        wire::attempt of;
        wire::callback which;
        std::uint64_t bytes = 0;
        bool is_open = false;
    };
    void close(std::uint32_t slot) {
        MAUS_ASSERT(slots_[slot].is_open && count_ > 0, "a callback is answered twice");
        slots_[slot].is_open = false;
        free_.push_back(slot);
        --count_;
        bytes_ -= slots_[slot].bytes;
    }

    std::vector<callback> slots_;
    std::vector<std::uint32_t> free_;
    std::uint64_t count_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace maus::core
