// User types in every style that cereal knows, and one value that holds all kinds of types: what
// the tests of payloads and signatures send around; and their bytes as text.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "maus/wire/archive.hpp"

namespace payload_zoo {

enum class color : std::uint8_t { red, green };
enum level : std::int16_t { low = -1, high = 1 };
enum loose { loose_a = 2, loose_b = 5 };
enum unranged { unranged_a };
enum class strict : int { first = 1, last = 3 };

struct point {
    double x = 0, y = 0;
    std::string label;
    template <class Archive>
    void serialize(Archive& ar) {
        ar(cereal::make_nvp("x", x), CEREAL_NVP(y), label);
    }
    bool operator==(const point&) const = default;
};

struct free_style {
    int a = 0;
    bool operator==(const free_style&) const = default;
};
template <class Archive>
void serialize(Archive& ar, free_style& value) {
    ar& value.a;
}

class split_style {
public:
    split_style() = default;
    explicit split_style(int value) : value_(value) {}
    bool operator==(const split_style&) const = default;

private:
    friend class cereal::access;
    template <class Archive>
    void save(Archive& ar) const {
        ar << value_ << std::int64_t{value_} * 2;
    }
    template <class Archive>
    void load(Archive& ar) {
        std::int64_t twice = 0;
        ar >> value_ >> twice;
    }
    int value_ = 0;
};

struct minimal_style {
    std::string text;
    template <class Archive>
    std::string save_minimal(const Archive&) const {
        return text;
    }
    template <class Archive>
    void load_minimal(const Archive&, const std::string& value) {
        text = value;
    }
    bool operator==(const minimal_style&) const = default;
};

struct versioned {
    int a = 0;
    template <class Archive>
    void serialize(Archive& ar, std::uint32_t version) {
        ar(a);
        seen = version;
    }
    std::uint32_t seen = 0;
};

struct base {
    int in_base = 0;
    template <class Archive>
    void serialize(Archive& ar) {
        ar(in_base);
    }
};
struct derived : base {
    double matrix[2][2] = {};
    template <class Archive>
    void serialize(Archive& ar) {
        ar(cereal::base_class<base>(this), matrix);
    }
};

struct node {
    std::vector<node> children;
    template <class Archive>
    void serialize(Archive& ar) {
        ar(children);
    }
};
struct self_made : std::vector<self_made> {};  // cereal's own load for vectors takes it

struct nothing {
    template <class Archive>
    void serialize(Archive&) {}
};
struct hidden_nothing {
    int unused = 0;
    template <class Archive>
    void serialize(Archive&) {}
};
struct swallower {
    bool flag = false;
    template <class Archive>
    void serialize(Archive& ar) {
        try {
            ar(flag);
        } catch (...) {
        }
    }
};
struct own_container {
    std::vector<std::uint16_t> items;
    template <class Archive>
    void save(Archive& ar) const {
        ar(cereal::make_size_tag(static_cast<cereal::size_type>(items.size())));
        ar(cereal::binary_data(items.data(), items.size() * sizeof(std::uint16_t)));
    }
    template <class Archive>
    void load(Archive& ar) {
        cereal::size_type size = 0;
        ar(cereal::make_size_tag(size));
        items.resize(static_cast<std::size_t>(size));
        ar(cereal::binary_data(items.data(), items.size() * sizeof(std::uint16_t)));
    }
    bool operator==(const own_container&) const = default;
};
struct picky {
    int value = 0;
    template <class Archive>
    void serialize(Archive& ar) {
        ar(value);
        if (value == 13) throw std::runtime_error("not 13");
    }
};
struct throws_when_made {
    throws_when_made() = default;
    explicit throws_when_made(int reason) { throw reason; }
    throws_when_made(const throws_when_made&) {
    }  // not trivial, so that a variant can lose its value
    throws_when_made& operator=(const throws_when_made&) = default;
    template <class Archive>
    void serialize(Archive&) {}
};
struct foreign {
    int a = 0;
};
struct plain {
    int a = 0;
};

}  // namespace payload_zoo

CEREAL_CLASS_VERSION(payload_zoo::versioned, 7)

namespace cereal {
template <class Archive>
void serialize(Archive& ar,
               payload_zoo::foreign& value) {  // where people put it for types not their own
    ar(value.a);
}
}  // namespace cereal
template <>
struct maus::enum_range<payload_zoo::loose> {
    static constexpr auto min = payload_zoo::loose_a, max = payload_zoo::loose_b;
};
template <>
struct maus::enum_range<payload_zoo::strict> {
    static constexpr auto min = payload_zoo::strict::first, max = payload_zoo::strict::last;
};

namespace payload_zoo {

using zoo = std::tuple<bool, int, double, std::string, std::vector<std::string>, std::vector<bool>,
                       std::array<float, 3>, std::map<std::string, std::vector<int>>,
                       std::optional<point>, std::variant<std::monostate, int, std::string>,
                       std::set<color>, std::list<free_style>, std::deque<split_style>,
                       std::bitset<11>, std::chrono::milliseconds, own_container, derived, node>;

inline zoo a_zoo() {
    zoo all;
    std::get<std::string>(all) = "text";
    std::get<std::vector<std::string>>(all) = {"", "a", "bcd"};
    std::get<std::vector<bool>>(all) = {true, false, true};
    std::get<std::map<std::string, std::vector<int>>>(all) = {{"k", {1, 2}}, {"l", {}}};
    std::get<std::optional<point>>(all) = point{1, 2, "p"};
    std::get<9>(all) = "held";
    std::get<std::set<color>>(all) = {color::red, color::green};
    std::get<std::list<free_style>>(all) = {{1}, {2}};
    std::get<std::deque<split_style>>(all).emplace_back(7);
    std::get<std::bitset<11>>(all).set(10);
    std::get<own_container>(all).items = {1, 2, 3};
    std::get<node>(all).children = {node{}, node{{node{}}}};
    return all;
}

using bytes = std::vector<std::uint8_t>;

template <class... Ts>
bytes encoded(const Ts&... values) {
    maus::base::buffer out;
    maus::wire::encode(out, values...);
    bytes raw(out.size());
    if (!raw.empty()) std::memcpy(raw.data(), out.data(), raw.size());
    return raw;
}
inline maus::base::byte_view view(const bytes& raw) { return std::as_bytes(std::span{raw}); }

/// "01 ff" and back.
inline std::string to_hex(const bytes& raw) {
    std::string text;
    for (const auto byte : raw) {
        if (!text.empty()) text += ' ';
        text += "0123456789abcdef"[byte / 16];
        text += "0123456789abcdef"[byte % 16];
    }
    return text;
}
inline bytes from_hex(const std::string& text) {
    bytes raw;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        raw.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
    }
    return raw;
}
template <class... Ts>
std::string hex(const Ts&... values) {
    return to_hex(encoded(values...));
}

/// What decoding says, "accepted" if nothing is wrong.
template <class... Ts>
std::string refusal(const bytes& raw) {
    const auto result = maus::wire::decode<Ts...>(view(raw));
    return result.ok() ? "accepted" : result.why().message;
}
template <class... Ts>
std::string refusal(const char* raw) {
    return refusal<Ts...>(from_hex(raw));
}

}  // namespace payload_zoo
