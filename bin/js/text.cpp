#include "bin/js/text.hpp"

#include <algorithm>
#include <cstdint>

namespace maus::js {

namespace {

constexpr char32_t replacement = 0xfffd;

/// Takes one character off the front.
char32_t take(std::string_view& from) {
    const auto first = static_cast<std::uint8_t>(from.front());
    from.remove_prefix(1);
    if (first < 0x80) return first;
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4) return replacement;
    char32_t read = first & (0x3f >> more);
    for (int i = 0; i < more; ++i) {
        if (from.empty() || (static_cast<std::uint8_t>(from.front()) & 0xc0) != 0x80) {
            return replacement;
        }
        read = read << 6 | (static_cast<std::uint8_t>(from.front()) & 0x3f);
        from.remove_prefix(1);
    }
    const bool too_long = read < (more == 1 ? 0x80u : more == 2 ? 0x800u : 0x10000u);
    const bool is_half = read >= 0xd800 && read < 0xe000;
    return too_long || is_half || read > 0x10ffff ? replacement : read;
}

char32_t take(std::u16string_view& from) {
    const char16_t first = from.front();
    from.remove_prefix(1);
    if (first < 0xd800 || first >= 0xe000) return first;
    if (first >= 0xdc00 || from.empty() || from.front() < 0xdc00 || from.front() >= 0xe000) {
        return replacement;
    }
    const char16_t second = from.front();
    from.remove_prefix(1);
    return 0x10000 + (static_cast<char32_t>(first - 0xd800) << 10) + (second - 0xdc00);
}

void add(std::string& to, char32_t one) {
    if (one < 0x80) {
        to += static_cast<char>(one);
        return;
    }
    const int more = one < 0x800 ? 1 : one < 0x10000 ? 2 : 3;
    to += static_cast<char>((0xff00 >> (more + 1) & 0xff) | one >> (6 * more));
    for (int i = more - 1; i >= 0; --i) to += static_cast<char>(0x80 | (one >> (6 * i) & 0x3f));
}

}  // namespace

std::u16string utf16_of(std::string_view utf8) {
    std::u16string made;
    made.reserve(utf8.size());
    while (!utf8.empty()) {
        const char32_t one = take(utf8);
        if (one < 0x10000) {
            made += static_cast<char16_t>(one);
        } else {
            made += static_cast<char16_t>(0xd800 + ((one - 0x10000) >> 10));
            made += static_cast<char16_t>(0xdc00 + ((one - 0x10000) & 0x3ff));
        }
    }
    return made;
}

std::string utf8_of(std::u16string_view utf16) {
    std::string made;
    made.reserve(utf16.size());
    while (!utf16.empty()) add(made, take(utf16));
    return made;
}

js_text::js_text(std::string_view utf8) : text_(nullptr) {
    const std::u16string text = utf16_of(utf8);
    static_assert(sizeof(JSChar) == sizeof(char16_t));
    text_ = JSStringCreateWithCharacters(reinterpret_cast<const JSChar*>(text.data()), text.size());
}

std::string js_text::utf8() const {
    if (text_ == nullptr) return {};
    const auto* const at = reinterpret_cast<const char16_t*>(JSStringGetCharactersPtr(text_));
    return utf8_of({at, JSStringGetLength(text_)});
}

}  // namespace maus::js
