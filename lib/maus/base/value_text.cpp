// brief(): a value as a few words for logs and errors.
#include <array>
#include <charconv>
#include <cmath>

#include "maus/base/hex.hpp"
#include "maus/value.hpp"

namespace maus {

namespace {

/// Stops when there is enough: what is shown may be megabytes.
class sketch {
public:
    explicit sketch(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    [[nodiscard]] std::string take() && {
        if (is_full()) text_ += "...";
        return std::move(text_);
    }

    void show(const value& shown) {
        if (is_full()) return;
        switch (shown.kind()) {
            case value_kind::null: return put("null");
            case value_kind::boolean: return put(shown.as_bool() ? "true" : "false");
            case value_kind::i64: return put(std::to_string(shown.as_i64()));
            case value_kind::u64: return put(std::to_string(shown.as_u64()));
            case value_kind::f64: return number(shown.as_f64());
            case value_kind::string: return quoted(shown.as_string());
            case value_kind::bytes: return put(std::to_string(shown.as_bytes().size()) + " bytes");
            case value_kind::array: return elements(shown.as_array());
            case value_kind::object: return members(shown.as_object());
            case value_kind::time: return moment(shown.as_timestamp());
            case value_kind::regexp: return expression(shown.as_regexp());
            case value_kind::error: return failure(shown.as_error());
        }
    }

private:
    [[nodiscard]] bool is_full() const { return text_.size() >= bytes_max_; }
    void put(std::string_view words) { text_ += words; }

    void number(double shown) {
        if (!std::isfinite(shown)) {
            return put(std::isnan(shown) ? "NaN" : shown < 0 ? "-infinity" : "infinity");
        }
        std::array<char, 32> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), shown).ptr;
        const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
        put(text);
        if (text.find_first_of(".e") == text.npos) put(".0");  // no integer
    }
    void escaped(std::string_view shown) {
        for (const char c : shown) {
            if (is_full()) return;
            const auto byte = static_cast<unsigned char>(c);
            if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
                text_ += c;
            } else {
                text_ += "\\x";
                base::append_hex(text_, byte);
            }
        }
    }
    void quoted(std::string_view shown) {
        put("\"");
        escaped(shown);
        if (!is_full()) put("\"");
    }
    void elements(const value::array& shown) {
        put("[");
        for (std::size_t i = 0; i < shown.size() && !is_full(); ++i) {
            if (i != 0) put(", ");
            show(shown[i]);
        }
        if (!is_full()) put("]");
    }
    void members(const value::object& shown) {
        put("{");
        bool first = true;
        for (const auto& [key, held] : shown) {
            if (is_full()) return;
            if (!std::exchange(first, false)) put(", ");
            quoted(key);
            put(": ");
            show(held);
        }
        if (!is_full()) put("}");
    }
    void moment(const value::timestamp& shown) {
        put("time " + std::to_string(shown.seconds) + " s");
        if (shown.nanoseconds != 0) put(" " + std::to_string(shown.nanoseconds) + " ns");
    }
    void expression(const value::regexp& shown) {
        put("/");
        escaped(shown.source);
        put("/");
        escaped(shown.flags);
    }
    void failure(const value::error& shown) {
        put("error ");
        escaped(shown.name);
        put(": ");
        escaped(shown.message);
    }

    std::size_t bytes_max_;
    std::string text_;
};

}  // namespace

std::string brief(const value& shown, std::size_t bytes_max) {
    sketch made(bytes_max);
    made.show(shown);
    return std::move(made).take();
}

}  // namespace maus
