#include "maus/wire/dynamic.hpp"

#include <limits>

#include "maus/wire/archive.hpp"

namespace maus::wire::detail {

namespace {

using member = value::object::member;

/// What is not inside of a value but behind a pointer.
template <class T>
constexpr std::size_t box_bytes = sizeof(T) + node_bytes;

void save_text(output_archive& out, const std::string& text) {
    codec<std::string>::save(out, text);
}

void save_array(output_archive& out, const value::array& saved) {
    out.enter();
    out.put_count(saved.size());
    for (const value& each : saved) save_value(out, each);
    out.leave();
}

void save_object(output_archive& out, const value::object& saved) {
    out.enter();
    out.put_count(saved.size());
    for (const auto& [key, held] : saved) {
        save_text(out, key);
        save_value(out, held);
    }
    out.leave();
}

void load_unsigned(input_archive& in, value& loaded) {
    const auto number = in.get<std::uint64_t>();
    if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        in.fail("an integer that fits an i64 is a u64");
    }
    loaded = number;
}

void load_array(input_archive& in, value& loaded) {
    const std::size_t outer = in.enter(sizeof(value));
    const std::size_t count = in.get_count(codec<value>::bytes_min, sizeof(value));
    value::array elements(count);
    for (value& each : elements) load_value(in, each);
    loaded = std::move(elements);
    in.leave(outer);
}

void load_object(input_archive& in, value& loaded) {
    constexpr std::size_t member_min = codec<std::string>::bytes_min + codec<value>::bytes_min;
    const std::size_t outer = in.enter(sizeof(member));
    in.charge(1, box_bytes<value::object>);
    const std::size_t count = in.get_count(member_min, sizeof(member) + sizeof(std::uint32_t));
    std::vector<member> members(count);
    for (auto& [key, held] : members) {
        codec<std::string>::load(in, key);
        load_value(in, held);
    }
    auto made = value::object::of(std::move(members));
    if (!made) in.fail("a key stands twice in an object");
    loaded = *std::move(made);
    in.leave(outer);
}

void load_time(input_archive& in, value& loaded) {
    value::timestamp moment;
    moment.seconds = in.get<std::int64_t>();
    moment.nanoseconds = in.get<std::uint32_t>();
    if (moment.nanoseconds > 999'999'999) in.fail("a time has more nanoseconds than a second");
    loaded = moment;
}

template <class Pair>
void load_texts(input_archive& in, value& loaded) {
    in.charge(1, box_bytes<Pair>);
    Pair made;
    auto& [first, second] = made;
    codec<std::string>::load(in, first);
    codec<std::string>::load(in, second);
    loaded = std::move(made);
}

}  // namespace

void save_value(output_archive& out, const value& saved) {
    out.put(static_cast<std::uint8_t>(saved.kind()));
    switch (saved.kind()) {
        case value_kind::null: return;
        case value_kind::boolean: return codec<bool>::save(out, saved.as_bool());
        case value_kind::i64: return out.put(saved.as_i64());
        case value_kind::u64: return out.put(saved.as_u64());
        case value_kind::f64: return out.put(saved.as_f64());
        case value_kind::string: return save_text(out, saved.as_string());
        case value_kind::bytes: return codec<value::bytes>::save(out, saved.as_bytes());
        case value_kind::array: return save_array(out, saved.as_array());
        case value_kind::object: return save_object(out, saved.as_object());
        case value_kind::time:
            out.put(saved.as_timestamp().seconds);
            return out.put(saved.as_timestamp().nanoseconds);
        case value_kind::regexp:
            save_text(out, saved.as_regexp().source);
            return save_text(out, saved.as_regexp().flags);
        case value_kind::error:
            save_text(out, saved.as_error().name);
            return save_text(out, saved.as_error().message);
    }
}

void load_value(input_archive& in, value& loaded) {
    const auto tag = in.get<std::uint8_t>();
    switch (static_cast<value_kind>(tag)) {
        case value_kind::null: loaded = nullptr; return;
        case value_kind::boolean: loaded = in.get_flag("a bool is neither 0 nor 1"); return;
        case value_kind::i64: loaded = in.get<std::int64_t>(); return;
        case value_kind::u64: return load_unsigned(in, loaded);
        case value_kind::f64: loaded = in.get<double>(); return;
        case value_kind::string: {
            std::string text;
            codec<std::string>::load(in, text);
            loaded = std::move(text);
            return;
        }
        case value_kind::bytes: {
            value::bytes data;
            codec<value::bytes>::load(in, data);
            loaded = std::move(data);
            return;
        }
        case value_kind::array: return load_array(in, loaded);
        case value_kind::object: return load_object(in, loaded);
        case value_kind::time: return load_time(in, loaded);
        case value_kind::regexp: return load_texts<value::regexp>(in, loaded);
        case value_kind::error: return load_texts<value::error>(in, loaded);
    }
    in.fail("no kind of value has the tag " + std::to_string(tag));
}

void load_values(input_archive& in, std::vector<value>& loaded) {
    loaded.clear();
    while (in.left() != 0) {
        in.charge(1, sizeof(value));
        load_value(in, loaded.emplace_back());
    }
}

}  // namespace maus::wire::detail
