#include "maus/wire/capabilities.hpp"

#include <algorithm>

#include "maus/wire/message.hpp"

namespace maus::wire {

using base::failure;

namespace {
/// The one table of numbers (PROTOCOL.md, section 11). Numbers are never used again.
template <class Limits, class Each>
void for_each_limit(Limits& limits, Each each) {
    each(1, limits.message_bytes_max);
    each(2, limits.control_bytes_max);
    each(3, limits.frames_max);
    each(4, limits.name_bytes_max);
    each(5, limits.signature_bytes_max);
    each(6, limits.functions_max);
    each(7, limits.endpoints_max);
    each(8, limits.text_bytes_max);
    each(9, limits.calls_per_worker_max);
    each(10, limits.features_max);
    each(11, limits.extensions_max);
    each(12, limits.callbacks_max);
    each(13, limits.script_bytes_max);
}
}  // namespace

std::optional<failure> check_text(const std::string& text, const limits& bounds) {
    const std::size_t bytes_max = std::max(bounds.text_bytes_max, text_bytes_always);
    if (text.size() <= bytes_max) return std::nullopt;
    return failure{errc::too_large,
                   larger_than("a text", text.size(), "text_bytes_max", bytes_max)};
}

capabilities capabilities_of(const std::vector<std::string>& features, const limits& bounds) {
    capabilities told{features, {}};
    for_each_limit(bounds, [&](std::uint16_t number, std::uint64_t limit) {
        told.limits.emplace(number, limit);
    });
    return told;
}

peer_limits limits_of(const capabilities& told) {
    peer_limits read;
    for_each_limit(read, [&](std::uint16_t number, std::uint64_t& limit) {
        const auto found = told.limits.find(number);
        if (found != told.limits.end()) limit = found->second;
    });
    read.text_bytes_max = std::max<std::uint64_t>(read.text_bytes_max, text_bytes_always);
    return read;
}

payload_limit payload_limit_of(const peer_limits& peer, const peer_limits* relay) {
    if (relay == nullptr || relay->message_bytes_max >= peer.message_bytes_max) {
        return {peer.message_bytes_max, false};
    }
    return {relay->message_bytes_max, true};
}

std::string larger_than(const std::string& part, std::uint64_t bytes,
                        const std::string& whose_limit, std::uint64_t limit) {
    const bool are_many = part.find("arguments") != std::string::npos;
    return part + (are_many ? " have " : " has ") + std::to_string(bytes) + " bytes, more than " +
           whose_limit + ", " + std::to_string(limit);
}

std::optional<failure> check(const capabilities& told, const limits& bounds) {
    if (told.features.size() > bounds.features_max) {
        return failure{errc::too_large, "more features than features_max"};
    }
    for (const auto& name : told.features) {
        if (name.size() > bounds.name_bytes_max) {
            return failure{errc::too_large, "a feature's name is too long"};
        }
        if (!good_name(name, bounds.name_bytes_max)) {
            return failure{errc::protocol_violation, "a feature's name is not a good name"};
        }
    }
    if (told.limits.size() > limit_entries_max) {
        return failure{errc::too_large, "more than 64 limits"};
    }
    return std::nullopt;
}

}  // namespace maus::wire
