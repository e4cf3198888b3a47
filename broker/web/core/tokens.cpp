#include "broker/web/core/tokens.hpp"

#include <algorithm>

#include "maus/base/hex.hpp"

namespace maus::web {

namespace {
/// Without a branch or an end that depends on what they are; on their lengths it may depend.
bool are_same(std::string_view one, std::string_view other) {
    if (one.size() != other.size()) return false;
    unsigned char different = 0;
    for (std::size_t i = 0; i < one.size(); ++i) {
        different = static_cast<unsigned char>(different | (one[i] ^ other[i]));
        asm volatile("" : "+r"(different));  // no compiler may see when it is decided
    }
    return different == 0;
}
}  // namespace

tokens::tokens(std::span<const std::uint8_t, 3 * random_bytes> random) {
    for (std::size_t i = 0; i < of_.size(); ++i) {
        base::append_hex(of_[i], random.subspan(i * random_bytes, random_bytes));
    }
}

std::optional<role> tokens::role_of(std::string_view shown) const {
    std::optional<role> found;
    for (const role each : all_roles) {
        if (are_same(shown, of(each))) found = each;
    }
    return found;
}

bool tokens::is_good(std::string_view text) {
    return text.size() >= length_min && text.size() <= length_max &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '-' || c == '_';
           });
}

}  // namespace maus::web
