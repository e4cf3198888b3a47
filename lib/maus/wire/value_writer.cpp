#include "maus/wire/value_writer.hpp"

#include <cmath>
#include <limits>

#include "maus/wire/time_ticks.hpp"
#include "maus/wire/value_reader.hpp"

namespace maus::wire::detail {

namespace {

/// An integer, or a float without a fraction that is one; nothing: it is neither.
std::optional<wide> integer_of(const value& from) {
    if (from.is(value_kind::i64)) return wide{from.as_i64()};
    if (from.is(value_kind::u64)) return wide{from.as_u64()};
    if (!from.is(value_kind::f64)) return std::nullopt;
    const double number = from.as_f64();
    constexpr double past_u64 = 18446744073709551616.0;
    if (!(std::abs(number) < past_u64) || std::trunc(number) != number) return std::nullopt;
    return static_cast<wide>(number);
}

/// As {"index": i, "value": that}, a variant's value tells which alternative it is.
bool tells_alternative(const value& from) {
    if (!from.is(value_kind::object) || from.as_object().size() != 2) return false;
    const value* index = from.as_object().find("index");
    return index != nullptr && index->is_integer() && from.as_object().find("value") != nullptr;
}

template <class T>
void put_integer(output_archive& out, wide number) {
    out.put(static_cast<T>(number));
}

}  // namespace

void value_writer::fail(const std::string& reason) const {
    throw maus::error(errc::bad_arguments, path_.empty() ? reason : path_ + ": " + reason);
}

void value_writer::fail_kind(const type_node& type, const value& from) const {
    std::string given(to_string(from.kind()));
    if (!from.is_null()) given += " (" + brief(from, 40) + ")";
    fail(given + " where " + std::string(types_.text_of(type)) + " belongs");
}

void value_writer::fail_range(const type_node& type, const value& from) const {
    fail(brief(from, 40) + " is not in the range of " + std::string(types_.text_of(type)));
}

void value_writer::write(const type_node& type, const value& from) {
    switch (type.kind) {
        case type_kind::nothing:
        case type_kind::unit:
            if (!from.is_null()) fail_kind(type, from);
            return;
        case type_kind::boolean:
            if (!from.is(value_kind::boolean)) fail_kind(type, from);
            return codec<bool>::save(out_, from.as_bool());
        case type_kind::integer: return integer(type, from);
        case type_kind::real: return real(type, from);
        case type_kind::text:
            if (!from.is(value_kind::string)) fail_kind(type, from);
            return codec<std::string>::save(out_, from.as_string());
        case type_kind::list:
        case type_kind::array: return sequence(type, from);
        case type_kind::map: return map(type, from);
        case type_kind::set: return set(type, from);
        case type_kind::optional: return optional(type, from);
        case type_kind::tuple:
        case type_kind::record: return fields(type, from);
        case type_kind::variant: return variant(type, from);
        case type_kind::enumeration:
        case type_kind::duration: return write(part(type), from);
        case type_kind::time: return time(type, from);
        case type_kind::any: return codec<value>::save(out_, from);
    }
}

void value_writer::integer(const type_node& type, const value& from) {
    const auto number = integer_of(from);
    if (!number) {
        if (from.is(value_kind::f64) && std::trunc(from.as_f64()) == from.as_f64()) {
            fail_range(type, from);
        }
        fail_kind(type, from);
    }
    const unsigned bits = type.bytes * 8u - (type.is_signed ? 1u : 0u);
    const wide past = wide{1} << bits;
    if (*number >= past || *number < (type.is_signed ? -past : wide{0})) fail_range(type, from);
    switch (type.bytes) {  // two's complement: the sign is in the bits
        case 1: return put_integer<std::uint8_t>(out_, *number);
        case 2: return put_integer<std::uint16_t>(out_, *number);
        case 4: return put_integer<std::uint32_t>(out_, *number);
        default: return put_integer<std::uint64_t>(out_, *number);
    }
}

void value_writer::real(const type_node& type, const value& from) {
    if (!from.is(value_kind::f64) && !from.is_integer()) fail_kind(type, from);
    const double number = from.as_f64();
    const auto narrow_number = static_cast<float>(number);
    if (from.is_integer()) {
        // Only what the float can hold to the last digit.
        const double held = type.bytes == 4 ? static_cast<double>(narrow_number) : number;
        if (static_cast<wide>(held) != *integer_of(from)) fail_range(type, from);
    }
    if (type.bytes == 8) return out_.put(number);
    if (std::isinf(narrow_number) && !std::isinf(number)) fail_range(type, from);
    out_.put(narrow_number);
}

const value::array& value_writer::array_of(const type_node& type, const value& from) {
    if (!from.is(value_kind::array)) fail_kind(type, from);
    return from.as_array();
}

void value_writer::element(const type_node& type, const value& from, std::size_t index) {
    const step down(*this, "[" + std::to_string(index) + "]");
    const std::size_t before = out_.size();
    write(type, from);
    if (out_.size() == before) fail("a container's element takes no bytes");
}

void value_writer::sequence(const type_node& type, const value& from) {
    const type_node& held = part(type);
    const bool is_list = type.kind == type_kind::list;
    const bool as_bytes = types_.is_byte(held) && from.is(value_kind::bytes);
    const std::size_t count = as_bytes ? from.as_bytes().size() : array_of(type, from).size();
    if (!is_list && count != type.count) {
        fail(std::to_string(count) + " elements where " + std::string(types_.text_of(type)) +
             " belongs");
    }
    if (is_list) out_.put_count(count);
    if (as_bytes) return out_.put_all(from.as_bytes().data(), count);
    const level nested(*this);
    for (std::size_t i = 0; i < count; ++i) element(held, from.as_array()[i], i);
}

// Keys are compared as bytes. What is equal but not in bytes (sets in another order, 0 and -0) is seen
// by who decodes it.
void value_writer::key(const type_node& type, const value& from, std::set<std::string>& seen) {
    if (has_nan(from)) fail("NaN is no key");
    base::buffer encoded;
    value_writer alone(types_, encoded);
    alone.path_ = path_;
    alone.write(type, from);
    if (encoded.empty()) fail("a container's element takes no bytes");
    if (!seen.emplace(base::as_text(encoded.view())).second) {
        fail(brief(from, 40) + " stands there twice");
    }
    out_.put_all(encoded.view().data(), encoded.size());
}

void value_writer::set(const type_node& type, const value& from) {
    const value::array& elements = array_of(type, from);
    const level nested(*this);
    out_.put_count(elements.size());
    std::set<std::string> seen;
    for (std::size_t i = 0; i < elements.size(); ++i) {
        const step down(*this, "[" + std::to_string(i) + "]");
        key(part(type), elements[i], seen);
    }
}

void value_writer::map(const type_node& type, const value& from) {
    const level nested(*this);
    if (from.is(value_kind::object) && part(type).kind == type_kind::text) {
        out_.put_count(from.as_object().size());
        for (const auto& [name, member] : from.as_object()) {
            const step down(*this, "." + brief(value(name), 40));
            codec<std::string>::save(out_, name);
            write(part(type, 1), member);
        }
        return;
    }
    const value::array& pairs = array_of(type, from);
    out_.put_count(pairs.size());
    std::set<std::string> seen;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const step down(*this, "[" + std::to_string(i) + "]");
        if (!pairs[i].is(value_kind::array) || pairs[i].as_array().size() != 2) {
            fail("a map's entry is an array [key, value]");
        }
        key(part(type), pairs[i].as_array()[0], seen);
        write(part(type, 1), pairs[i].as_array()[1]);
    }
}

void value_writer::fields(const type_node& type, const value& from) {
    if (from.is(value_kind::object) && type.kind == type_kind::record) {
        fail("an object where " + std::string(types_.text_of(type)) +
             " belongs: a record's fields have no names, give them in an array");
    }
    const value::array& elements = array_of(type, from);
    if (elements.size() != type.parts.size()) {
        fail(std::to_string(elements.size()) + " elements where " +
             std::string(types_.text_of(type)) + " belongs");
    }
    const level nested(*this);
    for (std::size_t i = 0; i < elements.size(); ++i) {
        const step down(*this, "[" + std::to_string(i) + "]");
        write(part(type, i), elements[i]);
    }
}

void value_writer::optional(const type_node& type, const value& from) {
    codec<bool>::save(out_, !from.is_null());
    if (from.is_null()) return;
    const type_node& held = part(type);
    if (!types_.is_nullable(held) || !from.is(value_kind::array)) return write(held, from);
    if (from.as_array().size() != 1) {
        fail("for " + std::string(types_.text_of(type)) +
             ", an array holds the one value that is there: [value]");
    }
    const level nested(*this);
    const step down(*this, "[0]");
    write(held, from.as_array()[0]);
}

void value_writer::variant(const type_node& type, const value& from) {
    const level nested(*this);
    if (!tells_alternative(from)) {
        const std::size_t index = types_.alternative_for(type, from.kind());
        if (index == type.parts.size()) fail_kind(type, from);
        out_.put(static_cast<std::uint8_t>(index));
        return write(part(type, index), from);
    }
    const value& index = from.as_object().at("index");
    const auto number = *integer_of(index);
    if (number < 0 || number >= static_cast<wide>(type.parts.size())) fail_range(type, index);
    out_.put(static_cast<std::uint8_t>(number));
    const step down(*this, ".value");
    write(part(type, static_cast<std::size_t>(number)), from.as_object().at("value"));
}

void value_writer::time(const type_node& type, const value& from) {
    if (!from.is(value_kind::time)) fail_kind(type, from);
    const type_node& count = part(type);
    if (count.kind == type_kind::real) {
        return real(count, real_ticks_of_time(from.as_timestamp(), type.num, type.den));
    }
    const auto ticks = ticks_of_time(from.as_timestamp(), type.num, type.den);
    if (!ticks)
        fail(brief(from, 60) + " is no whole number of ticks of " +
             std::string(types_.text_of(type)));
    if (*ticks > std::numeric_limits<std::uint64_t>::max() ||
        *ticks < std::numeric_limits<std::int64_t>::min()) {
        fail_range(type, from);
    }
    const bool is_large = *ticks > std::numeric_limits<std::int64_t>::max();
    integer(count, is_large ? value(static_cast<std::uint64_t>(*ticks))
                            : value(static_cast<std::int64_t>(*ticks)));
}

}  // namespace maus::wire::detail
