// What a peer tells of itself when a session or link begins: its features and its limits.
//
// The last two fields of register_worker, register_manager, registered, hello and welcome
// (PROTOCOL.md, section 5.6). Limits are told by number: a number that is unknown is skipped, and
// one that is missing has its default, so that either side may be older than the other.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "maus/base/result.hpp"
#include "maus/limits.hpp"

namespace maus::wire {

/// Entries of `capabilities::limits`; more are refused as too_large.
inline constexpr std::size_t limit_entries_max = 64;

struct capabilities {
    std::vector<std::string> features;
    std::map<std::uint16_t, std::uint64_t> limits;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(features, limits);
    }
    friend bool operator==(const capabilities&, const capabilities&) = default;
};

/// A peer takes texts of that size at least, whatever text_bytes_max it tells: so only what may be
/// long has to be cut for it.
inline constexpr std::size_t text_bytes_always = 1024;

/// What of a text is refused: more than text_bytes_max, and than what every peer takes.
[[nodiscard]] std::optional<base::failure> check_text(const std::string& text,
                                                      const limits& bounds);

/// The limits that matter to somebody who sends to their owner: a part of maus::limits, with its
/// defaults.
struct peer_limits {
    std::uint64_t message_bytes_max = limits{}.message_bytes_max;
    std::uint64_t control_bytes_max = limits{}.control_bytes_max;
    std::uint64_t frames_max = limits{}.frames_max;
    std::uint64_t name_bytes_max = limits{}.name_bytes_max;
    std::uint64_t signature_bytes_max = limits{}.signature_bytes_max;
    std::uint64_t functions_max = limits{}.functions_max;
    std::uint64_t endpoints_max = limits{}.endpoints_max;
    std::uint64_t text_bytes_max = limits{}.text_bytes_max;
    std::uint64_t calls_per_worker_max = limits{}.calls_per_worker_max;
    std::uint64_t features_max = limits{}.features_max;
    std::uint64_t extensions_max = limits{}.extensions_max;
    std::uint64_t callbacks_max = limits{}.callbacks_max;
    std::uint64_t script_bytes_max = limits{}.script_bytes_max;
    friend bool operator==(const peer_limits&, const peer_limits&) = default;
};

/// How large one payload to somebody may be, and by whose limit.
struct payload_limit {
    std::uint64_t bytes_max = ~std::uint64_t{0};
    bool is_relays = false;  ///< the parkserver between both allows less than the peer
};
/// `relay`: the limits of the parkserver that a link goes through; null if it goes through none.
[[nodiscard]] payload_limit payload_limit_of(const peer_limits& peer, const peer_limits* relay);

/// What a peer with these features and limits says.
[[nodiscard]] capabilities capabilities_of(const std::vector<std::string>& features,
                                           const limits& bounds);
[[nodiscard]] peer_limits limits_of(const capabilities& told);
/// "the result has 2000 bytes, more than the manager's message_bytes_max, 1000"
[[nodiscard]] std::string larger_than(const std::string& part, std::uint64_t bytes,
                                      const std::string& whose_limit, std::uint64_t limit);
/// Whether the lists themselves are within bounds and the names good ([P-9]).
[[nodiscard]] std::optional<base::failure> check(const capabilities& told, const limits& bounds);

}  // namespace maus::wire
