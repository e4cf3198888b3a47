// JavaScript's texts, which are UTF-16 and may hold anything, and ours, which are UTF-8.
#pragma once

#include <JavaScriptCore/JavaScript.h>

#include <string>
#include <string_view>

namespace maus::js {

/// What is no good UTF-8, or half of a pair, becomes U+FFFD.
[[nodiscard]] std::u16string utf16_of(std::string_view utf8);
[[nodiscard]] std::string utf8_of(std::u16string_view utf16);

/// Owns one.
class js_text {
public:
    explicit js_text(JSStringRef text) : text_(text) {}
    explicit js_text(std::string_view utf8);
    explicit js_text(const char* ascii) : text_(JSStringCreateWithUTF8CString(ascii)) {}
    ~js_text() {
        if (text_ != nullptr) JSStringRelease(text_);
    }
    js_text(const js_text&) = delete;
    js_text& operator=(const js_text&) = delete;

    [[nodiscard]] JSStringRef get() const { return text_; }
    [[nodiscard]] std::string utf8() const;

private:
    JSStringRef text_;
};

}  // namespace maus::js
