#include "maus/value.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace maus {

namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::uint32_t nanoseconds_max = 999'999'999;

[[noreturn]] void throw_kind(std::string_view expected, value_kind is) {
    throw error(errc::bad_arguments,
                std::string(to_string(is)) + " where " + std::string(expected) + " belongs");
}

}  // namespace

std::string_view to_string(value_kind kind) noexcept {
    switch (kind) {
        case value_kind::null: return "null";
        case value_kind::boolean: return "a bool";
        case value_kind::i64:
        case value_kind::u64: return "an integer";
        case value_kind::f64: return "a float";
        case value_kind::string: return "a string";
        case value_kind::bytes: return "bytes";
        case value_kind::array: return "an array";
        case value_kind::object: return "an object";
        case value_kind::time: return "a time";
        case value_kind::regexp: return "a regexp";
        case value_kind::error: return "an error";
    }
    return "nothing known";
}

// --- what it is made of --------------------------------------------------------------------------

value::value() noexcept = default;
value::value(std::string text) noexcept : held_(std::move(text)) {}
value::value(std::string_view text) : held_(std::string(text)) {}
value::value(const char* text) : held_(std::string(text)) {}
value::value(bytes data) noexcept : held_(std::move(data)) {}
value::value(array elements) noexcept : held_(std::move(elements)) {}
value::value(object members) : held_(boxed<object>(std::move(members))) {}
value::value(timestamp moment) : held_(moment) {
    if (moment.nanoseconds > nanoseconds_max) {
        throw maus::error(errc::invalid_argument, "maus::value: a second has 1,000,000,000 ns");
    }
}
value::value(std::chrono::system_clock::time_point moment) {
    const auto since = moment.time_since_epoch();
    const auto whole = std::chrono::floor<seconds>(since);
    held_ =
        timestamp{whole.count(), static_cast<std::uint32_t>(nanoseconds(since - whole).count())};
}
value::value(regexp expression) : held_(boxed<regexp>(std::move(expression))) {}
value::value(error failure) : held_(boxed<error>(std::move(failure))) {}

value::value(const value&) = default;
value::value(value&& other) noexcept : held_(std::move(other.held_)) {
    other.held_ = std::monostate{};  // nothing that is at one remove may be missed there
}
// By way of another one: what is assigned may be a part of what it replaces.
value& value::operator=(const value& other) { return *this = value(other); }
value& value::operator=(value&& other) noexcept {
    value taken(std::move(other));
    held_ = std::move(taken.held_);
    return *this;
}
value::~value() = default;

void value::set_unsigned(std::uint64_t number) noexcept {
    if (number <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        held_ = static_cast<std::int64_t>(number);
    } else {
        held_ = number;
    }
}

// --- what it is ----------------------------------------------------------------------------------

template <class T>
const T& value::get(value_kind expected) const {
    if (const T* found = std::get_if<T>(&held_)) return *found;
    throw_kind(to_string(expected), kind());
}

bool value::as_bool() const { return get<bool>(value_kind::boolean); }

std::int64_t value::as_i64() const {
    if (is(value_kind::u64)) {
        throw maus::error(errc::bad_arguments, brief(*this) + " is too large for an i64");
    }
    return get<std::int64_t>(value_kind::i64);
}

std::uint64_t value::as_u64() const {
    if (const auto* large = std::get_if<std::uint64_t>(&held_)) return *large;
    const std::int64_t number = get<std::int64_t>(value_kind::i64);
    if (number < 0) throw maus::error(errc::bad_arguments, brief(*this) + " is less than 0");
    return static_cast<std::uint64_t>(number);
}

double value::as_f64() const {
    if (const auto* number = std::get_if<std::int64_t>(&held_)) return static_cast<double>(*number);
    if (const auto* large = std::get_if<std::uint64_t>(&held_)) return static_cast<double>(*large);
    return get<double>(value_kind::f64);
}

const std::string& value::as_string() const { return get<std::string>(value_kind::string); }
const value::bytes& value::as_bytes() const { return get<bytes>(value_kind::bytes); }
const value::array& value::as_array() const { return get<array>(value_kind::array); }
const value::object& value::as_object() const { return *get<boxed<object>>(value_kind::object); }
const value::regexp& value::as_regexp() const { return *get<boxed<regexp>>(value_kind::regexp); }
const value::error& value::as_error() const { return *get<boxed<error>>(value_kind::error); }
value::timestamp value::as_timestamp() const { return get<timestamp>(value_kind::time); }

std::string& value::as_string() {
    return const_cast<std::string&>(std::as_const(*this).as_string());
}
value::bytes& value::as_bytes() { return const_cast<bytes&>(std::as_const(*this).as_bytes()); }
value::array& value::as_array() { return const_cast<array&>(std::as_const(*this).as_array()); }
value::object& value::as_object() { return const_cast<object&>(std::as_const(*this).as_object()); }

std::chrono::system_clock::time_point value::as_time() const {
    using point = std::chrono::system_clock::time_point;
    const auto [whole, rest] = as_timestamp();
    constexpr auto last = std::chrono::floor<seconds>(point::max().time_since_epoch()).count();
    constexpr auto first = std::chrono::ceil<seconds>(point::min().time_since_epoch()).count();
    if (whole < first || whole >= last) {
        throw maus::error(errc::bad_arguments, "the system's clock does not reach " + brief(*this));
    }
    return point{} + seconds{whole} +
           std::chrono::duration_cast<std::chrono::system_clock::duration>(nanoseconds{rest});
}

bool operator==(const value& one, const value& other) {
    if (one.kind() != other.kind()) return false;
    switch (one.kind()) {
        case value_kind::null: return true;
        case value_kind::boolean: return one.as_bool() == other.as_bool();
        case value_kind::i64: return one.as_i64() == other.as_i64();
        case value_kind::u64: return one.as_u64() == other.as_u64();
        case value_kind::f64:
            return one.as_f64() == other.as_f64() ||
                   (std::isnan(one.as_f64()) && std::isnan(other.as_f64()));
        case value_kind::string: return one.as_string() == other.as_string();
        case value_kind::bytes: return one.as_bytes() == other.as_bytes();
        case value_kind::array: return one.as_array() == other.as_array();
        case value_kind::object: return one.as_object() == other.as_object();
        case value_kind::time: return one.as_timestamp() == other.as_timestamp();
        case value_kind::regexp: return one.as_regexp() == other.as_regexp();
        case value_kind::error: return one.as_error() == other.as_error();
    }
    return false;
}

// --- objects -------------------------------------------------------------------------------------

value::object::object(std::initializer_list<member> members) : members_(members) {
    if (!sort()) {
        throw maus::error(errc::invalid_argument, "maus::value::object: a key stands there twice");
    }
}

std::optional<value::object> value::object::of(std::vector<member> members) {
    object made;
    made.members_ = std::move(members);
    if (!made.sort()) return std::nullopt;
    return made;
}

bool value::object::sort() {
    by_key_.resize(members_.size());
    std::iota(by_key_.begin(), by_key_.end(), position{0});
    std::sort(by_key_.begin(), by_key_.end(), [this](position one, position other) {
        return members_[one].first < members_[other].first;
    });
    return std::adjacent_find(by_key_.begin(), by_key_.end(), [this](position one, position other) {
               return members_[one].first == members_[other].first;
           }) == by_key_.end();
}

std::vector<value::object::position>::const_iterator value::object::place_of(
    std::string_view key) const {
    return std::lower_bound(
        by_key_.begin(), by_key_.end(), key,
        [this](position at, std::string_view wanted) { return members_[at].first < wanted; });
}

const value* value::object::find(std::string_view key) const {
    const auto place = place_of(key);
    if (place == by_key_.end() || members_[*place].first != key) return nullptr;
    return &members_[*place].second;
}
value* value::object::find(std::string_view key) {
    return const_cast<value*>(std::as_const(*this).find(key));
}

const value& value::object::at(std::string_view key) const {
    if (const value* found = find(key)) return *found;
    throw maus::error(errc::bad_arguments,
                      "the object has no member " + brief(value(std::string(key))));
}

value& value::object::operator[](std::string_view key) {
    if (value* found = find(key)) return *found;
    insert(std::string(key), {});
    return members_.back().second;
}

bool value::object::insert(std::string key, value added) {
    const auto place = place_of(key);
    if (place != by_key_.end() && members_[*place].first == key) return false;
    by_key_.insert(place, static_cast<position>(members_.size()));
    members_.emplace_back(std::move(key), std::move(added));
    return true;
}

bool value::object::erase(std::string_view key) {
    const auto place = place_of(key);
    if (place == by_key_.end() || members_[*place].first != key) return false;
    const position gone = *place;
    members_.erase(members_.begin() + gone);
    by_key_.erase(place);
    for (position& each : by_key_) each -= each > gone ? 1 : 0;
    return true;
}

bool operator==(const value::object& one, const value::object& other) {
    // Ordered by key, both are.
    return std::equal(one.by_key_.begin(), one.by_key_.end(), other.by_key_.begin(),
                      other.by_key_.end(),
                      [&](value::object::position mine, value::object::position theirs) {
                          return one.members_[mine] == other.members_[theirs];
                      });
}

}  // namespace maus
