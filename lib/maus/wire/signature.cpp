// The parser of signatures that peers send, and the parts of schema_archive that need no types.
#include "maus/wire/signature.hpp"

#include <algorithm>
#include <cstdint>

namespace maus::wire {

void schema_archive::separate() {
    const bool is_first =
        text_.empty() || std::string_view("<{(").find(text_.back()) != std::string_view::npos;
    if (!is_first) text_ += ',';
}

bool schema_archive::again(const std::type_info& type) {
    for (std::size_t up = 1; up <= open_.size(); ++up) {
        if (*open_[open_.size() - up] == type) {
            text_ += '^' + std::to_string(up);
            return true;
        }
    }
    return false;
}

namespace {

/// Decodes the code point that `text` begins with and takes it off. False if it is no valid UTF-8:
/// overlong, a surrogate, past the end of Unicode or cut short.
bool take_code_point(std::string_view& text, std::uint32_t& code) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || text.size() < length) return false;
    code = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xC0) != 0x80) return false;
        code = code << 6 | (next & 0x3Fu);
    }
    text.remove_prefix(length);
    const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    return !overlong && (code < 0xD800 || code > 0xDFFF) && code <= 0x10FFFF;
}

/// Control characters, blanks, line ends, and what is invisible or turns the writing direction: a
/// name is printed in logs and tables, and must not pass for another.
bool unprintable(std::uint32_t code) {
    struct range {
        std::uint32_t first, last;
    };
    static constexpr range refused[] = {
        {0x00, 0x20},     {0x7F, 0xA0},     {0xAD, 0xAD},     {0x061C, 0x061C},  {0x1680, 0x1680},
        {0x180E, 0x180E}, {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x206F},  {0x3000, 0x3000},
        {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE0FFF}};
    for (const auto& [first, last] : refused) {
        if (code >= first && code <= last) return true;
    }
    return false;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

constexpr std::string_view stream_word = "stream";
constexpr std::string_view stream_begin = "stream<";

/// Recursive descent over one text. Each function takes what it names, or returns false.
class scanner {
public:
    explicit scanner(std::string_view text) : rest_(text) {}

    [[nodiscard]] std::string_view rest() const { return rest_; }
    bool take(std::string_view expected) {
        if (!rest_.starts_with(expected)) return false;
        rest_.remove_prefix(expected.size());
        return true;
    }
    /// The same, or a stream of one.
    bool take_result(std::string_view& text) {
        const std::string_view before = rest_;
        if (!take(stream_begin)) return take_type(text);
        if (!take_type(text) || text == "void" || !take(">")) return false;
        text = before.substr(0, before.size() - rest_.size());
        return true;
    }
    /// A type, as the text that it is.
    bool take_type(std::string_view& text) {
        const std::string_view before = rest_;
        if (!type(0, 0)) return false;
        text = before.substr(0, before.size() - rest_.size());
        return true;
    }
    /// A type, or a reference to a function: fn<R(A,B)>.
    bool take_parameter(std::string_view& text) {
        const std::string_view before = rest_;
        if (take(reference_begin) && take_reference()) {
            text = before.substr(0, before.size() - rest_.size());
            return true;
        }
        rest_ = before;
        return take_type(text);
    }

private:
    bool take_reference() {
        std::string_view part;
        if (!take_type(part) || !take("(")) return false;
        if (take(")")) return take(">");
        do {
            if (!take_type(part) || part == "void") return false;
        } while (take(","));
        return take(")>");
    }
    bool type(std::size_t depth, std::size_t braces) {
        if (depth >= signature_depth_max) return false;
        if (take("^")) return back_reference(braces);
        if (take("{")) return list('}', depth, braces + 1, false);
        if (rest_.empty() || !is_lower(rest_.front())) return false;
        const std::string_view word = rest_;
        while (!rest_.empty() && (is_lower(rest_.front()) || is_digit(rest_.front()))) {
            rest_.remove_prefix(1);
        }
        if (word.substr(0, word.size() - rest_.size()) == stream_word) return false;
        return take("<") ? list('>', depth, braces, true) : true;
    }
    /// Up to and with the closing bracket. Only <...> may hold numbers.
    bool list(char close, std::size_t depth, std::size_t braces, bool numbers) {
        const std::string_view end{&close, 1};
        if (take(end)) return true;
        do {
            const bool number_next = numbers && !rest_.empty() && is_digit(rest_.front());
            if (number_next ? !ratio() : !type(depth + 1, braces)) return false;
        } while (take(","));
        return take(end);
    }
    bool ratio() {
        std::uint64_t ignored = 0;
        return number(ignored) && (!take("/") || number(ignored));
    }
    bool back_reference(std::size_t braces) {
        std::uint64_t up = 0;
        return number(up) && up >= 1 && up <= braces;
    }
    bool number(std::uint64_t& value) {
        std::size_t digits = 0;
        for (; digits < rest_.size() && is_digit(rest_[digits]); ++digits) {
            if (digits == 19) return false;
            value = value * 10 + static_cast<std::uint64_t>(rest_[digits] - '0');
        }
        if (digits == 0 || (digits > 1 && rest_.front() == '0')) return false;
        rest_.remove_prefix(digits);
        return true;
    }

    std::string_view rest_;
};

base::failure violation(const char* reason) {
    return {errc::protocol_violation, std::string{"no signature: "} + reason};
}

}  // namespace

bool good_function_name(std::string_view name) {
    if (name.empty() || name.size() > function_name_bytes_max) return false;
    while (!name.empty()) {
        std::uint32_t code = 0;
        if (!take_code_point(name, code) || unprintable(code)) return false;
        if (code == '(' || code == ')') return false;
    }
    return true;
}

namespace {
/// Hands each part to `take_name`, `take_parameter` and `take_result`. Nothing: it is a good signature.
template <class Name, class Parameter, class Result>
std::optional<base::failure> scan_signature(std::string_view text, Name take_name,
                                            Parameter take_parameter, Result take_result) {
    if (text.size() > signature_bytes_max) {
        return base::failure{errc::too_large, "a signature is longer than 4096 bytes"};
    }
    const std::size_t paren = text.find('(');
    if (paren == std::string_view::npos) return violation("it has no parameter list");

    const std::string_view name = text.substr(0, paren);
    if (name.size() > function_name_bytes_max) {
        return base::failure{errc::too_large, "a function's name is longer than 128 bytes"};
    }
    if (!good_function_name(name)) return violation("the name is empty or not printable");
    take_name(name);
    scanner in{text.substr(paren + 1)};
    std::string_view type;
    if (in.take("...)")) {
        take_parameter(any_number_of_any);
    } else if (!in.take(")")) {
        do {
            if (!in.take_parameter(type)) return violation("a parameter is no type");
            if (type == "void") return violation("a parameter is void");
            take_parameter(type);
        } while (in.take(","));
        if (!in.take(")")) return violation("the parameter list has no end");
    }
    if (!in.take("->")) return violation("there is no -> after the parameters");
    if (!in.take_result(type)) return violation("the result is no type");
    take_result(type);
    if (!in.rest().empty()) return violation("something follows the result");
    return std::nullopt;
}
}  // namespace

bool is_stream(std::string_view signature) {
    // No name has a parenthesis, and no type an arrow.
    const auto result = signature.rfind(")->");
    return result != signature.npos && item_type(signature.substr(result + 3)).has_value();
}

std::optional<std::string_view> item_type(std::string_view result) {
    if (!result.starts_with(stream_begin) || !result.ends_with('>')) return std::nullopt;
    return result.substr(stream_begin.size(), result.size() - stream_begin.size() - 1);
}

base::result<parsed_signature> parse_signature(std::string_view text) {
    parsed_signature parsed;
    auto bad = scan_signature(
        text, [&](auto name) { parsed.name = name; },
        [&](auto type) { parsed.parameters.emplace_back(type); },
        [&](auto type) { parsed.result = type; });
    if (bad) return *std::move(bad);
    return parsed;
}

namespace {
// A type may be named fn, too.
bool is_reference(std::string_view parameter) {
    return parameter.starts_with(reference_begin) && parameter.find('(') != parameter.npos;
}
}  // namespace

bool takes_references(std::string_view signature) {
    const std::size_t open = signature.find('(');
    if (open == signature.npos) return false;
    scanner in{signature.substr(open + 1)};
    std::string_view type;
    while (in.take_parameter(type)) {
        if (is_reference(type)) return true;
        if (!in.take(",")) return false;
    }
    return false;
}

function_kind kind_of(std::string_view signature) {
    if (is_dynamic(signature)) return function_kind::dynamic;
    return takes_references(signature) ? function_kind::with_references : function_kind::plain;
}

namespace {
const char* not_of(function_kind kind) {
    switch (kind) {
        case function_kind::plain: break;
        case function_kind::dynamic: return "a function is not dynamic";
        case function_kind::with_references: return "a function takes no reference";
    }
    return "a parameter is no type";
}
}  // namespace

std::optional<base::failure> check_signatures(const std::vector<std::string>& all,
                                              const limits& bounds, function_kind kind) {
    if (all.size() > bounds.functions_max) {
        return base::failure{errc::too_large, "more functions than functions_max"};
    }
    // A stranger's may be megabytes: its parts are looked at, once, and not kept.
    const auto ignore = [](std::string_view) {};
    for (const auto& text : all) {
        function_kind found = function_kind::plain;
        const auto look = [&](std::string_view parameter) {
            if (parameter == any_number_of_any) found = function_kind::dynamic;
            if (is_reference(parameter)) found = function_kind::with_references;
        };
        if (auto bad = scan_signature(text, ignore, look, ignore)) return bad;
        if (found != kind) return violation(not_of(kind));
    }
    std::vector<std::string_view> sorted(all.begin(), all.end());
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
        return violation("it comes twice");
    return std::nullopt;
}

}  // namespace maus::wire
