// A value whose type is known only when the program runs, as JavaScript and Python have them.
//
//     maus::value one = 1;
//     maus::value person = maus::value::object{{"name", "Ada"}, {"born", 1815}};
//     person.as_object()["friends"] = maus::value::array{"Charles", nullptr};
//     for (const auto& [key, value] : person.as_object()) std::cout << key << ": " << brief(value);
//
// A function may take and return values, and may take any number of them (maus::arguments):
//
//     worker.expose("count", [](maus::arguments given) { return maus::value(given.size()); });
//     maus::value three = workers.call<maus::value>("count", 1, "two", 3.0).get();
//
// The signature of the first is count(...)->any. Who calls it with typed arguments sends values, and who
// calls a typed function with values sends what its signature says: the manager converts, and checks
// that nothing is lost. convert.hpp does the same by hand, json.hpp makes JSON of a value.
//
// An integer is one thing: 5 is i64 whatever it was made of, and only what is too large for that is
// u64. An object keeps its members in the order in which they were added; no key stands there twice.
//
// Errors: asking for what a value is not throws maus::error (bad_arguments).
//
// Thread-safety: as of a std::vector.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "maus/error.hpp"

namespace maus {

/// The numbers are those of the encoding (PROTOCOL.md, section 3.1): never renumber.
enum class value_kind : std::uint8_t {
    null = 0,
    boolean = 1,
    i64 = 2,
    u64 = 3,  ///< only what is larger than an i64
    f64 = 4,
    string = 5,
    bytes = 6,
    array = 7,
    object = 8,
    time = 9,
    regexp = 10,
    error = 11,
};
inline constexpr value_kind value_kind_last = value_kind::error;

/// As it reads in a sentence: "a string".
[[nodiscard]] std::string_view to_string(value_kind kind) noexcept;

namespace detail {

/// What a value holds at one remove, since it is large or holds values itself. Copied deeply.
template <class T>
class boxed {
public:
    boxed(T held) : held_(std::make_unique<T>(std::move(held))) {}
    boxed(const boxed& other) : held_(std::make_unique<T>(*other.held_)) {}
    boxed(boxed&& other) noexcept = default;
    boxed& operator=(const boxed& other) {
        held_ = std::make_unique<T>(*other.held_);
        return *this;
    }
    boxed& operator=(boxed&& other) noexcept = default;
    ~boxed() = default;
    [[nodiscard]] T& operator*() noexcept { return *held_; }
    [[nodiscard]] const T& operator*() const noexcept { return *held_; }

private:
    std::unique_ptr<T> held_;
};

}  // namespace detail

class value {
public:
    using bytes = std::vector<std::uint8_t>;
    using array = std::vector<value>;
    class object;
    /// A moment, in UTC.
    struct timestamp {
        std::int64_t seconds = 0;       ///< since 1970-01-01 00:00, rounded down
        std::uint32_t nanoseconds = 0;  ///< behind those; below 1,000,000,000
        friend auto operator<=>(const timestamp&, const timestamp&) = default;
    };
    /// As text: the library does not match with it.
    struct regexp {
        std::string source;
        std::string flags;
        friend bool operator==(const regexp&, const regexp&) = default;
    };
    /// An error that is handed on like any value. (One that is thrown is a remote_exception.)
    struct error {
        std::string name;  ///< "TypeError"
        std::string message;
        friend bool operator==(const error&, const error&) = default;
    };

    value() noexcept;  ///< null
    value(std::nullptr_t) noexcept : value() {}
    template <std::same_as<bool> Flag>
    value(Flag flag) noexcept : held_(flag) {}
    template <std::integral Integer>
    requires(!std::same_as<Integer, bool>) value(Integer number)
    noexcept {
        if constexpr (std::is_unsigned_v<Integer> && sizeof(Integer) == sizeof(std::uint64_t)) {
            set_unsigned(number);
        } else {
            held_ = static_cast<std::int64_t>(number);
        }
    }
    template <std::floating_point Float>
    value(Float number) noexcept : held_(static_cast<double>(number)) {}
    value(std::string text) noexcept;
    value(std::string_view text);
    value(const char* text);
    value(bytes data) noexcept;
    value(array elements) noexcept;
    value(object members);
    /// Throws maus::error (invalid_argument) if there are too many nanoseconds.
    value(timestamp moment);
    value(std::chrono::system_clock::time_point moment);
    value(regexp expression);
    value(error failure);

    value(const value&);
    value(value&&) noexcept;  ///< what was moved from is null
    value& operator=(const value&);
    value& operator=(value&&) noexcept;
    ~value();

    [[nodiscard]] value_kind kind() const noexcept { return kinds[held_.index()]; }
    [[nodiscard]] bool is(value_kind kind_asked) const noexcept { return kind() == kind_asked; }
    [[nodiscard]] bool is_null() const noexcept { return is(value_kind::null); }
    [[nodiscard]] bool is_integer() const noexcept {
        return is(value_kind::i64) || is(value_kind::u64);
    }

    [[nodiscard]] bool as_bool() const;
    /// An integer in the range of the result.
    [[nodiscard]] std::int64_t as_i64() const;
    [[nodiscard]] std::uint64_t as_u64() const;
    /// A float, or the float that is nearest to an integer.
    [[nodiscard]] double as_f64() const;
    [[nodiscard]] const std::string& as_string() const;
    [[nodiscard]] std::string& as_string();
    [[nodiscard]] const bytes& as_bytes() const;
    [[nodiscard]] bytes& as_bytes();
    [[nodiscard]] const array& as_array() const;
    [[nodiscard]] array& as_array();
    [[nodiscard]] const object& as_object() const;
    [[nodiscard]] object& as_object();
    [[nodiscard]] timestamp as_timestamp() const;
    /// Cut to what the system clock counts; bad_arguments if it does not reach there.
    [[nodiscard]] std::chrono::system_clock::time_point as_time() const;
    [[nodiscard]] const regexp& as_regexp() const;
    [[nodiscard]] const error& as_error() const;

    /// The same value: of the same kind, and a NaN is one. Objects are equal in any order.
    friend bool operator==(const value& one, const value& other);

private:
    template <class T>
    using boxed = detail::boxed<T>;
    using content =
        std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, bytes,
                     array, boxed<object>, timestamp, boxed<regexp>, boxed<error>>;
    static constexpr value_kind kinds[] = {
        value_kind::null,   value_kind::boolean, value_kind::i64,    value_kind::u64,
        value_kind::f64,    value_kind::string,  value_kind::bytes,  value_kind::array,
        value_kind::object, value_kind::time,    value_kind::regexp, value_kind::error};

    void set_unsigned(std::uint64_t number) noexcept;
    template <class T>
    [[nodiscard]] const T& get(value_kind expected) const;

    content held_;
};

/// Members by name, in the order in which they were added. They are found by binary search.
class value::object {
public:
    using member = std::pair<std::string, value>;
    using const_iterator = std::vector<member>::const_iterator;

    object() = default;
    /// Throws maus::error (invalid_argument) if a key stands there twice.
    object(std::initializer_list<member> members);
    /// Nothing if a key stands there twice.
    [[nodiscard]] static std::optional<object> of(std::vector<member> members);

    [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
    [[nodiscard]] bool empty() const noexcept { return members_.empty(); }
    [[nodiscard]] const_iterator begin() const noexcept { return members_.begin(); }
    [[nodiscard]] const_iterator end() const noexcept { return members_.end(); }

    /// Null if there is no such member.
    [[nodiscard]] const value* find(std::string_view key) const;
    [[nodiscard]] value* find(std::string_view key);
    /// Throws maus::error (bad_arguments) if there is no such member.
    [[nodiscard]] const value& at(std::string_view key) const;
    /// Adds null if there is no such member.
    value& operator[](std::string_view key);
    /// False if the key is there already; nothing is changed then.
    bool insert(std::string key, value added);
    /// False if there was none.
    bool erase(std::string_view key);

    friend bool operator==(const object& one, const object& other);

private:
    using position = std::uint32_t;
    [[nodiscard]] std::vector<position>::const_iterator place_of(std::string_view key) const;
    [[nodiscard]] bool sort();

    std::vector<member> members_;
    std::vector<position> by_key_;  // of the members, ordered by their keys
};

/// All that a function is called with, for one that takes any number of values. It is the function's
/// only parameter.
struct arguments : std::vector<value> {
    using std::vector<value>::vector;
    explicit arguments(std::vector<value> values) : std::vector<value>(std::move(values)) {}
};

/// For logs and errors: {"name": "Ada", "born": 1815}, ASCII, cut to about `bytes_max` bytes.
[[nodiscard]] std::string brief(const value& shown, std::size_t bytes_max = 120);

}  // namespace maus
