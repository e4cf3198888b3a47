#include "maus/json.hpp"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "maus/base/base64.hpp"
#include "maus/base/utc_text.hpp"
#include "maus/wire/cursor.hpp"

namespace maus {

namespace {

using nlohmann::json;

/// The largest integer that a JavaScript number holds to the last digit.
constexpr std::uint64_t exact_in_javascript = (std::uint64_t{1} << 53) - 1;
/// In JSON; some values take two or three levels there.
constexpr std::size_t levels_max = 4 * wire::depth_max;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// --- writing -------------------------------------------------------------------------------------

class json_writer {
public:
    json_writer(int indent, bool ascii) : indent_(indent), ascii_(ascii) {}
    [[nodiscard]] std::string take() && { return std::move(text_); }

    void write(const value& from) {
        switch (from.kind()) {
            case value_kind::null: return put("null");
            case value_kind::boolean: return put(from.as_bool() ? "true" : "false");
            case value_kind::i64: return integer(from.as_i64());
            case value_kind::u64: return tagged("$int", std::to_string(from.as_u64()));
            case value_kind::f64: return number(from.as_f64());
            case value_kind::string: return string(from.as_string());
            case value_kind::bytes: return tagged("$bytes", base::to_base64(from.as_bytes()));
            case value_kind::array: return array(from.as_array());
            case value_kind::object: return object(from.as_object());
            case value_kind::time: return time(from.as_timestamp());
            case value_kind::regexp:
                return tagged("$regexp", value::object{{"source", from.as_regexp().source},
                                                       {"flags", from.as_regexp().flags}});
            case value_kind::error:
                return tagged("$error", value::object{{"name", from.as_error().name},
                                                      {"message", from.as_error().message}});
        }
    }

private:
    void put(std::string_view words) { text_ += words; }
    /// Nothing if it is no UTF-8.
    [[nodiscard]] std::optional<std::string> quoted(const std::string& text) const {
        try {
            return json(text).dump(-1, ' ', ascii_);
        } catch (const json::type_error&) {
            return std::nullopt;
        }
    }
    void line() {
        if (indent_ < 0) return;
        text_ += '\n';
        text_.append(depth_ * static_cast<std::size_t>(indent_), ' ');
    }
    template <class All, class Each>
    void list(char open, char close, const All& all, Each each) {
        text_ += open;
        ++depth_;
        bool first = true;
        for (const auto& one : all) {
            if (!std::exchange(first, false)) text_ += ',';
            line();
            each(one);
        }
        --depth_;
        if (!first) line();
        text_ += close;
    }

    void tagged(std::string_view tag, const value& held) {
        tagged_by(tag, [&] { write(held); });
    }
    template <class Write>
    void tagged_by(std::string_view tag, Write write_held) {
        text_ += "{\"";
        put(tag);
        put(indent_ < 0 ? "\":" : "\": ");
        write_held();
        text_ += '}';
    }
    void integer(std::int64_t number) {
        const auto most = static_cast<std::int64_t>(exact_in_javascript);
        if (number >= -most && number <= most) return put(std::to_string(number));
        tagged("$int", std::to_string(number));
    }
    void number(double number) {
        if (std::isfinite(number)) return put(json(number).dump());
        tagged("$f64", std::isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
    }
    void string(const std::string& text) {
        if (const auto utf8 = quoted(text)) return put(*utf8);
        tagged("$string", base::to_base64(bytes_of(text)));
    }
    void array(const value::array& elements) {
        list('[', ']', elements, [this](const value& each) { write(each); });
    }
    void members(const value::object& all) {
        list('{', '}', all, [this](const value::object::member& each) {
            put(*quoted(each.first));
            put(indent_ < 0 ? ":" : ": ");
            write(each.second);
        });
    }
    void object(const value::object& all) {
        bool is_text = true, is_plain = true;
        for (const auto& [key, held] : all) {
            is_text = is_text && quoted(key);
            is_plain = is_plain && !key.starts_with('$');
        }
        if (!is_text) {
            value::array pairs;
            for (const auto& [key, held] : all) pairs.push_back(value::array{key, held});
            return tagged("$members", pairs);
        }
        if (is_plain) return members(all);
        tagged_by("$object", [&] { members(all); });
    }
    void time(const value::timestamp& moment) {
        if (auto text = base::to_utc_text(moment)) return tagged("$time", *std::move(text));
        tagged("$time", value::array{moment.seconds, moment.nanoseconds});
    }

    int indent_;
    bool ascii_;
    std::size_t depth_ = 0;
    std::string text_;
};

// --- reading -------------------------------------------------------------------------------------

[[noreturn]] void refuse(const std::string& reason) { throw error(errc::bad_arguments, reason); }

const std::string& text_in(const value& of, std::string_view tag) {
    if (of.is(value_kind::string)) return of.as_string();
    refuse("a string belongs into " + std::string(tag));
}

value float_of(const std::string& name) {
    if (name == "NaN") return std::nan("");
    if (name == "Infinity") return HUGE_VAL;
    if (name == "-Infinity") return -HUGE_VAL;
    refuse("$f64 is NaN, Infinity or -Infinity");
}

value integer_of(const std::string& digits) {
    const auto whole = [&](auto number) -> std::optional<value> {
        const char* const end = digits.data() + digits.size();
        const auto [last, wrong] = std::from_chars(digits.data(), end, number);
        if (wrong != std::errc{} || last != end) return std::nullopt;
        return number;
    };
    if (auto small = whole(std::int64_t{})) return *small;
    if (auto large = whole(std::uint64_t{})) return *large;
    refuse("$int is an integer of 64 bits, as text");
}

value::bytes base64_of(const std::string& text, std::string_view tag) {
    auto read = base::from_base64(text);
    if (!read) refuse("no base64 in " + std::string(tag));
    return *std::move(read);
}

value time_of(const value& held) {
    if (held.is(value_kind::array) && held.as_array().size() == 2) {
        const auto& parts = held.as_array();
        const bool fits = parts[0].is(value_kind::i64) && parts[1].is(value_kind::i64) &&
                          parts[1].as_i64() >= 0 && parts[1].as_i64() < 1'000'000'000;
        if (!fits) refuse("$time is text, or [seconds, nanoseconds]");
        return value::timestamp{parts[0].as_i64(), static_cast<std::uint32_t>(parts[1].as_i64())};
    }
    const auto read = base::from_utc_text(text_in(held, "$time"));
    if (!read) refuse("no such time: " + brief(held) + "; write 2023-11-14T22:13:20Z");
    return *read;
}

/// The two members of what `tag` holds.
std::pair<std::string, std::string> texts_of(const value& held, std::string_view tag,
                                             std::string_view first, std::string_view second) {
    const auto* members = held.is(value_kind::object) ? &held.as_object() : nullptr;
    if (members == nullptr || members->size() != 2 || members->find(first) == nullptr ||
        members->find(second) == nullptr) {
        refuse(std::string(tag) + " has the members " + std::string(first) + " and " +
               std::string(second));
    }
    return {text_in(members->at(first), tag), text_in(members->at(second), tag)};
}

value object_of(const value& held) {
    if (!held.is(value_kind::array)) refuse("an array belongs into $members");
    std::vector<value::object::member> members;
    for (const value& each : held.as_array()) {
        if (!each.is(value_kind::array) || each.as_array().size() != 2) {
            refuse("$members are arrays [key, value]");
        }
        members.emplace_back(text_in(each.as_array()[0], "$members"), each.as_array()[1]);
    }
    auto made = value::object::of(std::move(members));
    if (!made) refuse("a key stands twice in $members");
    return *std::move(made);
}

value tagged_value(const std::string& tag, value held) {
    if (tag == "$f64") return float_of(text_in(held, tag));
    if (tag == "$int") return integer_of(text_in(held, tag));
    if (tag == "$bytes") return base64_of(text_in(held, tag), tag);
    if (tag == "$time") return time_of(held);
    if (tag == "$object" && held.is(value_kind::object)) return held;
    if (tag == "$members") return object_of(held);
    if (tag == "$string") {
        const auto data = base64_of(text_in(held, tag), tag);
        return std::string(data.begin(), data.end());
    }
    if (tag == "$regexp") {
        auto [source, flags] = texts_of(held, tag, "source", "flags");
        return value::regexp{std::move(source), std::move(flags)};
    }
    if (tag == "$error") {
        auto [name, message] = texts_of(held, tag, "name", "message");
        return value::error{std::move(name), std::move(message)};
    }
    refuse("no meaning is known for the key " + brief(value(tag)) +
           "; an object that has it as a member is {\"$object\": {...}}");
}

/// What nlohmann's parser tells piece by piece.
class json_reader {
public:
    [[nodiscard]] value take() && { return std::move(whole_); }

    bool null() { return add(nullptr); }
    bool boolean(bool flag) { return add(flag); }
    bool number_integer(std::int64_t number) { return add(number); }
    bool number_unsigned(std::uint64_t number) { return add(number); }
    bool number_float(double number, const std::string& text) {
        if (text.find_first_of(".eE") == text.npos) refuse(text + " needs more than 64 bits");
        return add(number);
    }
    bool string(std::string& text) { return add(std::move(text)); }
    bool binary(json::binary_t&) { return false; }  // JSON has none
    bool start_object(std::size_t) { return open(true); }
    bool start_array(std::size_t) { return open(false); }
    bool key(std::string& name) {
        open_.back().key = std::move(name);
        return true;
    }
    bool end_array() {
        value made(std::move(open_.back().elements));
        open_.pop_back();
        return add(std::move(made));
    }
    bool end_object() {
        auto closed = std::move(open_.back());
        open_.pop_back();
        return add(made_of(std::move(closed)));
    }
    bool parse_error(std::size_t at, const std::string&, const json::exception& why) {
        std::string said =
            why.what();  // "[json.exception.parse_error.101] parse error at ...: ..."
        if (const auto text = said.find(": "); text != said.npos) said.erase(0, text + 2);
        refuse("no JSON at byte " + std::to_string(at) + ": " + said);
    }

private:
    struct container {
        bool is_object = false;
        bool is_literal = false;  // no key of it is a tag
        std::string key;
        value::array elements;
        std::vector<value::object::member> members;
    };

    bool open(bool is_object) {
        if (open_.size() >= levels_max) refuse("it is nested too deep");
        const bool literal = is_object && !open_.empty() && !open_.back().is_literal &&
                             open_.back().is_object && open_.back().key == "$object";
        open_.push_back({is_object, literal, {}, {}, {}});
        return true;
    }
    bool add(value made) {
        if (open_.empty()) {
            whole_ = std::move(made);
        } else if (open_.back().is_object) {
            open_.back().members.emplace_back(std::move(open_.back().key), std::move(made));
        } else {
            open_.back().elements.push_back(std::move(made));
        }
        return true;
    }
    static value made_of(container closed) {
        const bool has_tag =
            !closed.is_literal &&
            std::any_of(closed.members.begin(), closed.members.end(),
                        [](const auto& each) { return each.first.starts_with('$'); });
        if (has_tag && closed.members.size() != 1) {
            refuse(
                "an object with a key that begins with $ has no other; or it is "
                "{\"$object\": {...}}");
        }
        if (has_tag)
            return tagged_value(closed.members[0].first, std::move(closed.members[0].second));
        auto made = value::object::of(std::move(closed.members));
        if (!made) refuse("a key stands twice in an object");
        return *std::move(made);
    }

    std::vector<container> open_;
    value whole_;
};

}  // namespace

std::string to_json(const value& from, int indent, bool ascii) {
    json_writer to(indent, ascii);
    to.write(from);
    return std::move(to).take();
}

value from_json(std::string_view text) {
    json_reader made;
    if (!json::sax_parse(text, &made)) refuse("no JSON");
    return std::move(made).take();
}

}  // namespace maus
