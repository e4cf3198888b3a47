#include "maus/wire/value_reader.hpp"

#include <algorithm>
#include <cmath>

#include "maus/wire/time_ticks.hpp"

namespace maus::wire::detail {

namespace {

/// Around what becomes an array or object: values nest no deeper than others.
class level {
public:
    explicit level(input_archive& in) : in_(in), outer_(in.enter(budget_per_byte)) {}
    level(const level&) = delete;
    level& operator=(const level&) = delete;
    ~level() { in_.leave(outer_); }

private:
    input_archive& in_;
    std::size_t outer_;
};

std::string_view as_text(base::byte_view bytes) { return base::as_text(bytes); }

}  // namespace

bool has_nan(const value& key) {
    if (key.is(value_kind::f64)) return std::isnan(key.as_f64());
    if (key.is(value_kind::array)) {
        return std::any_of(key.as_array().begin(), key.as_array().end(), has_nan);
    }
    if (!key.is(value_kind::object)) return false;
    return std::any_of(key.as_object().begin(), key.as_object().end(),
                       [](const auto& each) { return has_nan(each.second); });
}

value value_reader::read(const type_node& type) {
    switch (type.kind) {
        case type_kind::nothing:
        case type_kind::unit: return nullptr;
        case type_kind::boolean: return in_.get_flag("a bool is neither 0 nor 1");
        case type_kind::integer: return integer(type);
        case type_kind::real: return real(type);
        case type_kind::text: {
            std::string text;
            codec<std::string>::load(in_, text);
            return text;
        }
        case type_kind::list: return list(type);
        case type_kind::array: return array(type);
        case type_kind::map: return map(type);
        case type_kind::set: return set(type);
        case type_kind::optional: return optional(type);
        case type_kind::tuple:
        case type_kind::record: return fields(type);
        case type_kind::variant: return variant(type);
        case type_kind::enumeration:
        case type_kind::duration: return read(part(type));
        case type_kind::time: return time(type);
        case type_kind::any: {
            value any;
            codec<value>::load(in_, any);
            return any;
        }
    }
    return nullptr;
}

value value_reader::integer(const type_node& type) {
    switch (type.bytes) {
        case 1:
            return type.is_signed ? value(in_.get<std::int8_t>()) : value(in_.get<std::uint8_t>());
        case 2:
            return type.is_signed ? value(in_.get<std::int16_t>())
                                  : value(in_.get<std::uint16_t>());
        case 4:
            return type.is_signed ? value(in_.get<std::int32_t>())
                                  : value(in_.get<std::uint32_t>());
        default:
            return type.is_signed ? value(in_.get<std::int64_t>())
                                  : value(in_.get<std::uint64_t>());
    }
}

value value_reader::real(const type_node& type) {
    return type.bytes == 4 ? value(in_.get<float>()) : value(in_.get<double>());
}

value value_reader::bytes(std::size_t count) {
    const auto* from = reinterpret_cast<const std::uint8_t*>(in_.take(count));
    return value::bytes(from, from + count);
}

value value_reader::element(const type_node& type) {
    const std::size_t before = in_.left();
    value read_one = read(type);
    if (in_.left() == before) in_.fail("a container's element takes no bytes");
    return read_one;
}

value::array value_reader::elements(const type_node& type, std::size_t count) {
    value::array made;
    made.reserve(count);
    for (std::size_t i = 0; i < count; ++i) made.push_back(element(type));
    return made;
}

value value_reader::list(const type_node& type) {
    const type_node& held = part(type);
    if (types_.is_byte(held)) return bytes(in_.get_count(1, 1));
    const level nested(in_);
    return elements(held, in_.get_count(at_least_one(held.bytes_min), sizeof(value)));
}

value value_reader::array(const type_node& type) {
    const type_node& held = part(type);
    const auto count = static_cast<std::size_t>(type.count);
    if (count > in_.left()) in_.fail("an array ends too early");  // an element takes a byte
    in_.charge(count, types_.is_byte(held) ? 1 : sizeof(value));
    if (types_.is_byte(held)) return bytes(count);
    const level nested(in_);
    return elements(held, count);
}

value value_reader::key(const type_node& type, std::vector<base::byte_view>& seen) {
    const base::byte_view before = in_.rest();
    value read_one = element(type);
    if (has_nan(read_one)) in_.fail("a key is not equal to itself (NaN)");
    seen.push_back(before.first(before.size() - in_.left()));
    return read_one;
}

void value_reader::check_distinct(std::vector<base::byte_view>& keys) {
    const auto before = [](base::byte_view one, base::byte_view other) {
        return as_text(one) < as_text(other);
    };
    std::sort(keys.begin(), keys.end(), before);
    const auto same = [](base::byte_view one, base::byte_view other) {
        return as_text(one) == as_text(other);
    };
    if (std::adjacent_find(keys.begin(), keys.end(), same) != keys.end()) {
        in_.fail("a key stands there twice");
    }
}

value value_reader::set(const type_node& type) {
    const type_node& held = part(type);
    const level nested(in_);
    const std::size_t count =
        in_.get_count(at_least_one(held.bytes_min), sizeof(value) + sizeof(base::byte_view));
    std::vector<base::byte_view> keys;
    keys.reserve(count);
    value::array made;
    made.reserve(count);
    for (std::size_t i = 0; i < count; ++i) made.push_back(key(held, keys));
    check_distinct(keys);
    return made;
}

value value_reader::object(const type_node& held, std::size_t count) {
    in_.charge(count, sizeof(value::object::member) + sizeof(std::uint32_t));
    std::vector<value::object::member> members(count);
    for (auto& [name, member] : members) {
        codec<std::string>::load(in_, name);
        member = read(held);
    }
    auto made = value::object::of(std::move(members));
    if (!made) in_.fail("a key stands there twice");
    return *std::move(made);
}

value value_reader::map(const type_node& type) {
    const type_node& held = part(type, 1);
    const level nested(in_);
    const std::size_t item_min = at_least_one(part(type).bytes_min) + held.bytes_min;
    const std::size_t count = in_.get_count(item_min, 1);
    if (part(type).kind == type_kind::text) return object(held, count);
    const level pair(in_);
    in_.charge(count, 3 * sizeof(value) + sizeof(base::byte_view) + node_bytes);
    std::vector<base::byte_view> keys;
    keys.reserve(count);
    value::array made;
    made.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        value::array item;
        item.reserve(2);
        item.push_back(key(part(type), keys));
        item.push_back(read(held));
        made.emplace_back(std::move(item));
    }
    check_distinct(keys);
    return made;
}

value value_reader::fields(const type_node& type) {
    const level nested(in_);
    in_.charge(type.parts.size(), sizeof(value));
    value::array made;
    made.reserve(type.parts.size());
    for (const auto each : type.parts) made.push_back(read(types_[each]));
    return made;
}

value value_reader::optional(const type_node& type) {
    if (!in_.get_flag("an optional's flag is neither 0 nor 1")) return nullptr;
    const type_node& held = part(type);
    if (!types_.is_nullable(held)) return read(held);
    const level nested(in_);
    in_.charge(1, sizeof(value));
    value::array some;
    some.push_back(read(held));
    return some;
}

value value_reader::variant(const type_node& type) {
    const std::size_t index = in_.get<std::uint8_t>();
    if (index >= type.parts.size()) in_.fail("a variant's index is past its end");
    const level nested(in_);
    value held = read(part(type, index));
    const bool is_plain =
        !held.is(value_kind::object) && types_.alternative_for(type, held.kind()) == index;
    if (is_plain) return held;
    in_.charge(1, 2 * sizeof(value::object::member) + sizeof(value::object) + node_bytes);
    return value::object{{"index", index}, {"value", std::move(held)}};
}

value value_reader::time(const type_node& type) {
    const value ticks = read(part(type));
    std::optional<value::timestamp> made;
    if (ticks.is(value_kind::f64)) {
        made = time_of_ticks(ticks.as_f64(), type.num, type.den);
    } else if (ticks.is(value_kind::u64)) {
        made = time_of_ticks(static_cast<wide>(ticks.as_u64()), type.num, type.den);
    } else {
        made = time_of_ticks(static_cast<wide>(ticks.as_i64()), type.num, type.den);
    }
    if (!made) in_.fail("a time is no number of nanoseconds that a value can hold");
    return *made;
}

}  // namespace maus::wire::detail
