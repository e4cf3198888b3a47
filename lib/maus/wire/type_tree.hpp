// A type of a signature, taken apart: what somebody needs who has a signature and no C++ type.
//
//     const auto tree = wire::type_tree::parse("map<str,opt<i32>>");   // result<type_tree>
//     tree.value().root().kind == wire::type_kind::map
//
// A type that contains itself ({i32,list<^1>}) is a graph: its ^1 is the number of its record.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "maus/base/result.hpp"
#include "maus/value.hpp"

namespace maus::wire {

enum class type_kind : std::uint8_t {
    nothing,  ///< void
    unit,
    boolean,
    integer,
    real,
    text,
    list,
    array,
    map,
    set,
    optional,
    tuple,
    variant,
    enumeration,
    duration,
    time,
    record,
    any,
};

/// Kinds of values, a bit each.
using kind_set = std::uint16_t;
[[nodiscard]] constexpr kind_set set_of(value_kind kind) {
    return static_cast<kind_set>(1u << static_cast<unsigned>(kind));
}

struct type_node {
    type_kind kind = type_kind::nothing;
    std::uint8_t bytes = 0;          ///< integer, real: its width
    bool is_signed = false;          ///< integer
    std::uint64_t count = 0;         ///< array: its elements
    std::uint64_t num = 1, den = 1;  ///< duration, time: seconds in a tick
    std::vector<std::uint32_t> parts;
    std::size_t bytes_min = 0;         ///< the fewest bytes that one takes, as far as is known
    std::uint32_t begin = 0, end = 0;  ///< where it stands in the text
};

class type_tree {
public:
    /// `void` is one, too. unimplemented if it has a word that this version does not know, or is
    /// made in a way that it cannot convert; protocol_violation if it is no type at all.
    [[nodiscard]] static base::result<type_tree> parse(std::string_view text);

    [[nodiscard]] const type_node& root() const { return nodes_.back(); }
    [[nodiscard]] const type_node& operator[](std::uint32_t index) const { return nodes_[index]; }
    [[nodiscard]] std::string_view text_of(const type_node& node) const {
        return std::string_view(text_).substr(node.begin, node.end - node.begin);
    }

    [[nodiscard]] bool is_byte(const type_node& node) const {
        return node.kind == type_kind::integer && node.bytes == 1 && !node.is_signed;
    }
    /// Whether null may be one of its values, so that null cannot tell that there is none.
    [[nodiscard]] bool is_nullable(const type_node& node) const;
    /// What its values are told as; and with `loose`, what else may become one.
    [[nodiscard]] kind_set kinds(const type_node& node, bool loose = false) const;
    /// The alternative of a variant that a value of this kind becomes if it does not say which; the
    /// number of alternatives if there is none.
    [[nodiscard]] std::size_t alternative_for(const type_node& variant, value_kind kind) const;

private:
    class parser;
    std::string text_;
    std::vector<type_node> nodes_;  // parts before what they are part of
};

}  // namespace maus::wire
