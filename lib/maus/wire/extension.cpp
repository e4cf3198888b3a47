#include "maus/wire/extension.hpp"

#include <algorithm>

#include "maus/wire/number.hpp"

namespace maus::wire {

using base::failure;

std::optional<base::byte_view> find(const extensions& among, std::uint16_t tag) {
    const auto found = std::find_if(among.begin(), among.end(),
                                    [tag](const extension& each) { return each.tag == tag; });
    if (found == among.end()) return std::nullopt;
    return found->bytes;
}

std::size_t encoded_bytes(const extensions& these) {
    std::size_t sum = 0;
    for (const auto& each : these) sum += extension_header_bytes + each.bytes.size();
    return sum;
}

void encode_extensions(base::buffer& out, const extensions& these) {
    for (const auto& each : these) {
        std::byte* at = out.extend(extension_header_bytes);
        store(at, each.tag);
        store(at + 2, static_cast<std::uint32_t>(each.bytes.size()));
        out.append(each.bytes);
    }
}

std::optional<failure> decode_extensions(base::byte_view from, std::size_t extensions_max,
                                         extensions* into) {
    for (std::size_t count = 1; !from.empty(); ++count) {
        if (from.size() < extension_header_bytes) {
            return failure{errc::protocol_violation, "an extension is shorter than its header"};
        }
        const auto tag = load<std::uint16_t>(from.data());
        const std::size_t length = load<std::uint32_t>(from.data() + 2);
        from = from.subspan(extension_header_bytes);
        if (length > from.size()) {
            return failure{errc::protocol_violation, "an extension reaches beyond its body"};
        }
        if (count > extensions_max) {
            return failure{errc::too_large, "more extensions than extensions_max"};
        }
        if (into != nullptr) into->push_back({tag, from.first(length)});
        from = from.subspan(length);
    }
    return std::nullopt;
}

}  // namespace maus::wire
