// Values and types by chance, from a seed: what is made is decided by nothing else.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "maus/base/random.hpp"
#include "maus/value.hpp"
#include "maus/wire/type_tree.hpp"

namespace maus_test {

class value_maker {
public:
    explicit value_maker(std::uint64_t seed) : chance_(seed) {}

    [[nodiscard]] std::size_t below(std::size_t bound) { return chance_.below(bound); }
    [[nodiscard]] bool one_in(std::size_t times) { return below(times) == 0; }

    /// Any value of any kind.
    [[nodiscard]] maus::value any(std::size_t depth = 4) {
        using maus::value;
        switch (below(depth == 0 ? 10 : 13)) {
            case 0: return nullptr;
            case 1: return one_in(2);
            case 2: return integer();
            case 3: return ~std::uint64_t{0} >> below(2);
            case 4: return number();
            case 5: return text();
            case 6: return bytes();
            case 7: return moment();
            case 8: return value::regexp{text(), text()};
            case 9: return value::error{text(), text()};
            case 10:
            case 11: {
                value::array made;
                for (auto count = below(4); count != 0; --count) made.push_back(any(depth - 1));
                return made;
            }
            default: return object([&] { return any(depth - 1); });
        }
    }

    /// A type that a function may have.
    [[nodiscard]] std::string type(std::size_t depth = 3) {
        static const std::string simple[] = {"bool",
                                             "i8",
                                             "i16",
                                             "i32",
                                             "i64",
                                             "u8",
                                             "u16",
                                             "u32",
                                             "u64",
                                             "f32",
                                             "f64",
                                             "str",
                                             "any",
                                             "enum<i16>",
                                             "dur<i64,1/1000>",
                                             "time<i64,1/1000000000>",
                                             "time<i64,1/1>"};
        if (depth == 0 || one_in(3)) return simple[below(std::size(simple))];
        const auto inner = [&] { return type(depth - 1); };
        switch (below(9)) {
            case 0: return "list<" + inner() + ">";
            case 1: return "array<" + inner() + "," + std::to_string(1 + below(3)) + ">";
            case 2: return "map<str," + inner() + ">";
            case 3: return "map<i32," + inner() + ">";
            case 4: return "set<" + std::string(one_in(2) ? "str" : "u8") + ">";
            case 5: return "opt<" + inner() + ">";
            case 6: return "tuple<" + inner() + "," + inner() + ">";
            case 7: return "variant<" + inner() + "," + (one_in(2) ? "unit" : inner()) + ">";
            default: return "{" + inner() + ",list<^1>}";
        }
    }

    /// A value as the type's values are told (the middle column of wire/convert.hpp).
    [[nodiscard]] maus::value of(const maus::wire::type_tree& types) {
        return of(types, types.root(), 6);
    }

private:
    using tree = maus::wire::type_tree;
    using node = maus::wire::type_node;
    using kind = maus::wire::type_kind;
    using value = maus::value;

    [[nodiscard]] std::int64_t integer() {
        const auto number = static_cast<std::int64_t>(chance_());
        return number >> below(64);
    }
    [[nodiscard]] double number() {
        constexpr double infinity = std::numeric_limits<double>::infinity();
        const double special[] = {0.0, -0.0, 1.5, 1e300, 5e-324, infinity, -infinity, std::nan("")};
        if (one_in(2)) return special[below(std::size(special))];
        return static_cast<double>(integer()) / 1024;
    }
    [[nodiscard]] std::string text() {
        static const std::string some[] = {"",       "a",
                                           "index",  "value",
                                           "$bytes", "$object",
                                           "\"",     "gr\xc3\xbc\xc3\x9f",
                                           "\xff",   std::string("\0", 1),
                                           "\n",     "\xf0\x9f\x90\xad"};
        std::string made = some[below(std::size(some))];
        while (one_in(3)) made += static_cast<char>('a' + below(26));
        return made;
    }
    [[nodiscard]] value::bytes bytes() {
        value::bytes made(below(6));
        for (auto& each : made) each = static_cast<std::uint8_t>(chance_());
        return made;
    }
    [[nodiscard]] value::timestamp moment() {
        return {one_in(3) ? integer() : static_cast<std::int64_t>(below(4'000'000'000)),
                static_cast<std::uint32_t>(one_in(2) ? below(1'000'000'000) : 0)};
    }
    template <class Make>
    [[nodiscard]] value object(Make make) {
        value::object made;
        for (auto count = below(4); count != 0; --count) made.insert(text(), make());
        return made;
    }

    [[nodiscard]] value integer(const node& type) {
        const unsigned bits = type.bytes * 8u - (type.is_signed ? 1u : 0u);
        const std::uint64_t most = bits == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
        const std::uint64_t some = one_in(4) ? most : chance_() & most;
        if (!type.is_signed) return some;
        const auto positive = static_cast<std::int64_t>(some);
        return one_in(2) ? positive : -positive - 1;
    }
    [[nodiscard]] value time(const node& type) {
        const bool fine = type.den != 1;
        const std::int64_t most = fine ? 9'000'000'000 : 9'000'000'000'000'000;
        const auto seconds = static_cast<std::int64_t>(chance_()) % most;
        return value::timestamp{seconds,
                                static_cast<std::uint32_t>(fine ? below(1'000'000'000) : 0)};
    }
    [[nodiscard]] value array(const tree& types, const node& held, std::size_t count,
                              std::size_t depth) {
        if (types.is_byte(held)) {
            value::bytes made(count);
            for (auto& each : made) each = static_cast<std::uint8_t>(chance_());
            return made;
        }
        value::array made;
        for (; count != 0; --count) made.push_back(of(types, held, depth));
        return made;
    }
    [[nodiscard]] value distinct(const tree& types, const node& type, std::size_t depth) {
        value::array made;
        for (auto count = below(4); count != 0; --count) {
            value key = of(types, types[type.parts[0]], depth);
            const auto is_there = [&](const value& each) {
                return type.kind == kind::map ? each.as_array()[0] == key : each == key;
            };
            bool seen = false;
            for (const auto& each : made) seen = seen || is_there(each);
            if (seen) continue;
            if (type.kind == kind::set) {
                made.push_back(std::move(key));
            } else {
                made.emplace_back(
                    value::array{std::move(key), of(types, types[type.parts[1]], depth)});
            }
        }
        return made;
    }
    [[nodiscard]] value variant(const tree& types, const node& type, std::size_t depth) {
        const std::size_t index = below(type.parts.size());
        value held = of(types, types[type.parts[index]], depth);
        const bool plain =
            !held.is(maus::value_kind::object) && types.alternative_for(type, held.kind()) == index;
        if (plain) return held;
        return value::object{{"index", index}, {"value", std::move(held)}};
    }
    [[nodiscard]] value optional(const tree& types, const node& held, std::size_t depth) {
        if (depth == 0 || one_in(3)) return nullptr;
        value some = of(types, held, depth - 1);
        return types.is_nullable(held) ? value(value::array{std::move(some)}) : some;
    }

    [[nodiscard]] value of(const tree& types, const node& type, std::size_t depth) {
        const std::size_t deeper = depth == 0 ? 0 : depth - 1;
        const auto part = [&](std::size_t index) -> const node& {
            return types[type.parts[index]];
        };
        const std::size_t count = depth == 0 ? 0 : below(4);
        switch (type.kind) {
            case kind::nothing:
            case kind::unit: return nullptr;
            case kind::boolean: return one_in(2);
            case kind::integer: return integer(type);
            case kind::real:
                return type.bytes == 8 ? number() : static_cast<double>(static_cast<float>(1.5));
            case kind::text: return text();
            case kind::list: return array(types, part(0), count, deeper);
            case kind::array: return array(types, part(0), type.count, deeper);
            case kind::set: return distinct(types, type, deeper);
            case kind::map:
                if (part(0).kind != kind::text) return distinct(types, type, deeper);
                return object([&] { return of(types, part(1), deeper); });
            case kind::optional: return optional(types, part(0), depth);
            case kind::tuple:
            case kind::record: {
                value::array made;
                for (const auto each : type.parts) made.push_back(of(types, types[each], deeper));
                return made;
            }
            case kind::variant: return variant(types, type, deeper);
            case kind::enumeration:
            case kind::duration: return of(types, part(0), depth);
            case kind::time: return time(type);
            case kind::any: return any(depth < 3 ? depth : 3);
        }
        return nullptr;
    }

    maus::base::random chance_;
};

}  // namespace maus_test
