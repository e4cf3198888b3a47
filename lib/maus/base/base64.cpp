#include "maus/base/base64.hpp"

namespace maus::base {

namespace {
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

std::string to_base64(std::span<const std::uint8_t> bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t count = bytes.size() - at < 3 ? bytes.size() - at : 3;
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (i < count ? bytes[at + i] : 0u);
        for (std::size_t i = 0; i < 4; ++i) {
            text += i > count ? '=' : alphabet[group >> (18 - 6 * i) & 63];
        }
    }
    return text;
}

std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::vector<std::uint8_t> bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t at = 0; at < text.size(); at += 4) {
        const std::string_view part = text.substr(at, 4);
        const std::size_t padding = at + 4 < text.size()   ? 0
                                    : part.ends_with("==") ? 2
                                    : part.ends_with('=')  ? 1
                                                           : 0;
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            const std::size_t digit = i < 4 - padding ? alphabet.find(part[i]) : 0;
            if (digit == alphabet.npos) return std::nullopt;
            group = group << 6 | static_cast<std::uint32_t>(digit);
        }
        const std::uint32_t unused = padding == 2 ? 0xffff : padding == 1 ? 0xff : 0;
        if ((group & unused) != 0) return std::nullopt;  // one text for some bytes
        for (std::size_t i = 0; i < 3 - padding; ++i) {
            bytes.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * i)));
        }
    }
    return bytes;
}

}  // namespace maus::base
