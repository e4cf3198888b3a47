#include "maus/wire/type_tree.hpp"

#include <algorithm>
#include <optional>

#include "maus/wire/dynamic.hpp"
#include "maus/wire/signature.hpp"

namespace maus::wire {

namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

struct word {
    std::string_view name;
    type_kind kind;
    std::uint8_t bytes = 0;
    bool is_signed = false;
    std::size_t bytes_min = 0;
};
constexpr word words[] = {
    {"void", type_kind::nothing},
    {"unit", type_kind::unit},
    {"bool", type_kind::boolean, 1, false, 1},
    {"i8", type_kind::integer, 1, true, 1},
    {"i16", type_kind::integer, 2, true, 2},
    {"i32", type_kind::integer, 4, true, 4},
    {"i64", type_kind::integer, 8, true, 8},
    {"u8", type_kind::integer, 1, false, 1},
    {"u16", type_kind::integer, 2, false, 2},
    {"u32", type_kind::integer, 4, false, 4},
    {"u64", type_kind::integer, 8, false, 8},
    {"f32", type_kind::real, 4, true, 4},
    {"f64", type_kind::real, 8, true, 8},
    {"str", type_kind::text, 0, false, 4},
    {"any", type_kind::any, 0, false, 1},
    {"list", type_kind::list, 0, false, 4},
    {"array", type_kind::array},
    {"map", type_kind::map, 0, false, 4},
    {"set", type_kind::set, 0, false, 4},
    {"opt", type_kind::optional, 0, false, 1},
    {"tuple", type_kind::tuple},
    {"variant", type_kind::variant, 0, false, 1},
    {"enum", type_kind::enumeration},
    {"dur", type_kind::duration},
    {"time", type_kind::time},
};

}  // namespace

/// Of what parse_signature lets through: brackets match, numbers are numbers.
class type_tree::parser {
public:
    explicit parser(type_tree& into) : into_(into), text_(into.text_) {}

    [[nodiscard]] bool whole() {
        std::uint32_t root = 0;
        return type(root) && at_ == text_.size();
    }
    [[nodiscard]] std::string why() const {
        return "this version cannot convert " + std::string(text_.substr(failed_at_, 60));
    }

private:
    bool take(char expected) {
        if (at_ == text_.size() || text_[at_] != expected) return false;
        ++at_;
        return true;
    }
    bool number(std::uint64_t& read) {
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            read = read * 10 + static_cast<std::uint64_t>(text_[at_] - '0');
        }
        return true;
    }
    bool type(std::uint32_t& index) {
        failed_at_ = at_;
        if (take('^')) return back_reference(index);
        type_node made;
        made.begin = static_cast<std::uint32_t>(at_);
        const bool taken = take('{') ? record(made) : named(made);
        if (!taken) {
            failed_at_ = made.begin;
            return false;
        }
        made.end = static_cast<std::uint32_t>(at_);
        index = static_cast<std::uint32_t>(into_.nodes_.size());
        into_.nodes_.push_back(std::move(made));
        close(index);
        return true;
    }
    // Its number is known when it is complete. Until then it is told by its depth.
    static constexpr std::uint32_t open_bit = 0x8000'0000;
    bool record(type_node& made) {
        made.kind = type_kind::record;
        ++open_;
        const bool taken = take('}') || list(made, '}');
        return taken;
    }
    bool back_reference(std::uint32_t& index) {
        std::uint64_t up = 0;
        if (!number(up) || up == 0 || up > open_) return false;
        index = open_bit | static_cast<std::uint32_t>(open_ - up);
        return true;
    }
    void close(std::uint32_t index) {
        if (into_.nodes_[index].kind != type_kind::record) return;
        --open_;
        for (std::uint32_t each = 0; each <= index; ++each) {
            for (auto& part : into_.nodes_[each].parts) {
                if (part == (open_bit | open_)) part = index;
            }
        }
    }
    bool list(type_node& made, char end) {
        do {
            std::uint32_t part = 0;
            if (!type(part)) return false;
            made.parts.push_back(part);
            if ((part & open_bit) == 0) made.bytes_min += minimum_of_fields(made, part);
        } while (take(','));
        return take(end);
    }
    std::size_t minimum_of_fields(const type_node& of, std::uint32_t part) const {
        const bool adds = of.kind == type_kind::record || of.kind == type_kind::tuple;
        return adds ? into_.nodes_[part].bytes_min : 0;
    }
    bool named(type_node& made) {
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_word(text_[at_])) ++at_;
        const auto name = text_.substr(begin, at_ - begin);
        const auto* known = std::find_if(std::begin(words), std::end(words),
                                         [name](const word& each) { return each.name == name; });
        if (known == std::end(words)) return false;
        made.kind = known->kind;
        made.bytes = known->bytes;
        made.is_signed = known->is_signed;
        made.bytes_min = known->bytes_min;
        return take('<') ? generic(made)
                         : made.kind < type_kind::list || made.kind == type_kind::any;
    }
    bool generic(type_node& made) {
        switch (made.kind) {
            case type_kind::list:
            case type_kind::set:
            case type_kind::optional: return list(made, '>') && made.parts.size() == 1;
            case type_kind::map: return list(made, '>') && made.parts.size() == 2;
            case type_kind::variant: return list(made, '>') && made.parts.size() <= 255;
            case type_kind::tuple: return take('>') || list(made, '>');
            case type_kind::enumeration:
                return list(made, '>') && made.parts.size() == 1 && like_part(made, false);
            case type_kind::array: return array(made);
            case type_kind::duration:
            case type_kind::time: return ticks(made);
            default: return false;
        }
    }
    bool array(type_node& made) {
        std::uint32_t part = 0;
        if (!type(part) || !take(',') || !number(made.count) || !take('>')) return false;
        made.parts.push_back(part);
        const std::size_t each = (part & open_bit) != 0 ? 0 : into_.nodes_[part].bytes_min;
        // Elements that take no bytes would be any number of them for nothing.
        if (each == 0 && made.count != 0) return false;
        const bool absurd = made.count > limits{}.message_bytes_max;
        made.bytes_min = absurd ? limits{}.message_bytes_max : each * made.count;
        return true;
    }
    bool ticks(type_node& made) {
        std::uint32_t part = 0;
        made.num = made.den = 0;
        if (!type(part) || !take(',') || !number(made.num) || !take('/') || !number(made.den)) {
            return false;
        }
        made.parts.push_back(part);
        return take('>') && made.num != 0 && made.den != 0 && like_part(made, true);
    }
    /// It stands as a number does.
    bool like_part(type_node& made, bool real_too) {
        if ((made.parts[0] & open_bit) != 0) return false;
        const type_node& part = into_.nodes_[made.parts[0]];
        made.bytes_min = part.bytes_min;
        return part.kind == type_kind::integer || (real_too && part.kind == type_kind::real);
    }

    type_tree& into_;
    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t failed_at_ = 0;
    std::uint32_t open_ = 0;  // records
};

base::result<type_tree> type_tree::parse(std::string_view text) {
    if (const auto sound = parse_signature("f()->" + std::string(text)); !sound) return sound.why();
    type_tree made;
    made.text_ = text;
    parser reads(made);
    if (!reads.whole()) return base::failure{errc::unimplemented, reads.why()};
    return made;
}

bool type_tree::is_nullable(const type_node& node) const {
    switch (node.kind) {
        case type_kind::nothing:
        case type_kind::unit:
        case type_kind::optional:
        case type_kind::any: return true;
        case type_kind::variant:
            return std::any_of(node.parts.begin(), node.parts.end(),
                               [this](std::uint32_t part) { return is_nullable(nodes_[part]); });
        default: return false;
    }
}

kind_set type_tree::kinds(const type_node& node, bool loose) const {
    constexpr kind_set integer = set_of(value_kind::i64) | set_of(value_kind::u64);
    constexpr kind_set real = set_of(value_kind::f64);
    constexpr kind_set array = set_of(value_kind::array);
    constexpr kind_set object = set_of(value_kind::object);
    const auto bytes_or_array = [&](kind_set more) -> kind_set {
        return is_byte(nodes_[node.parts[0]]) ? set_of(value_kind::bytes) | (loose ? array : 0)
                                              : array | more;
    };
    switch (node.kind) {
        case type_kind::nothing:
        case type_kind::unit: return set_of(value_kind::null);
        case type_kind::boolean: return set_of(value_kind::boolean);
        case type_kind::integer: return integer | (loose ? real : 0);
        case type_kind::real: return real | (loose ? integer : 0);
        case type_kind::text: return set_of(value_kind::string);
        case type_kind::list:
        case type_kind::array: return bytes_or_array(0);
        case type_kind::map:
            if (nodes_[node.parts[0]].kind != type_kind::text) return array;
            return object | (loose ? array : 0);
        case type_kind::set:
        case type_kind::tuple:
        case type_kind::record: return array;
        case type_kind::optional: {
            const type_node& held = nodes_[node.parts[0]];
            const kind_set some = is_nullable(held) && !loose ? array : kinds(held, loose) | array;
            return set_of(value_kind::null) | (is_nullable(held) ? some : kinds(held, loose));
        }
        case type_kind::variant: {
            kind_set all = object;
            for (const auto part : node.parts) all |= kinds(nodes_[part], loose);
            return all;
        }
        case type_kind::enumeration:
        case type_kind::duration: return kinds(nodes_[node.parts[0]], loose);
        case type_kind::time: return set_of(value_kind::time);
        case type_kind::any:
            return static_cast<kind_set>((2u << static_cast<unsigned>(value_kind_last)) - 1);
    }
    return 0;
}

std::size_t type_tree::alternative_for(const type_node& variant, value_kind kind) const {
    for (const bool loose : {false, true}) {
        for (std::size_t i = 0; i < variant.parts.size(); ++i) {
            if ((kinds(nodes_[variant.parts[i]], loose) & set_of(kind)) != 0) return i;
        }
    }
    return variant.parts.size();
}

}  // namespace maus::wire
