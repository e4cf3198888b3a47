// Signatures: what a function takes and gives, as text, such as `add(i32,i32)->i32`.
//
// Two sides check with it that they mean the same before anything is sent, the CLI shows it, and a
// program in another language can encode arguments from it. So it tells what is on the wire, not
// the C++ types: a vector and a deque are both list<...>. std types are named by their codec; user
// types by their fields in braces, found by running their serialize over a schema_archive.
//
//     bool  i8 i16 i32 i64  u8 u16 u32 u64  f32 f64  str  unit  void (a result only)
//     list<T>  array<T,N>  set<T>  map<K,V>  opt<T>  tuple<T,...>  variant<T,...>
//     enum<T>  dur<T,num/den>  time<T,num/den>  {T,...}  ^n: the n-th enclosing {...}, 1 =
//     innermost
//     any (a maus::value)    stream<T> (a result only: items, one after the other)
//     fn<R(A,B)> (a parameter only: a maus::function)
//
// A dynamic function takes any number of values: count(...)->any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "maus/base/result.hpp"
#include "maus/limits.hpp"
#include "maus/wire/archive.hpp"

namespace maus {
template <class T>
class stream;
}

namespace maus::wire {

/// What a stream function gives has the items' type.
template <class T>
struct streamed {
    static constexpr bool value = false;
};
template <class T>
struct streamed<maus::stream<T>> {
    static constexpr bool value = true;
    using item = T;
};

/// Looks like an output archive to a serialize, and notes types instead of values. A serialize must
/// therefore name the same fields whatever the object holds; it is run on a default-made one.
class schema_archive final : public cereal::detail::OutputArchiveBase, private cereal::access {
public:
    using is_loading = std::false_type;
    using is_saving = std::true_type;

    template <class... Ts>
    schema_archive& operator()(const Ts&... values) {
        (one(values), ...);
        return *this;
    }
    template <class T>
    schema_archive& operator&(const T& value) {
        return (*this)(value);
    }
    template <class T>
    schema_archive& operator<<(const T& value) {
        return (*this)(value);
    }

    [[nodiscard]] std::string take() && { return std::move(text_); }

    /// One more type, in the list that is open.
    template <class T>
    void type() {
        separate();
        codec<T>::describe(*this);
    }

    // What codecs describe themselves with.
    void word(std::string_view text) { text_ += text; }
    template <class... Ts>
    void generic(std::string_view name) {
        text_ += name;
        text_ += '<';
        (type<Ts>(), ...);
        text_ += '>';
    }
    template <class T>
    void array(std::size_t count) {
        text_ += "array<";
        type<T>();
        text_ += ',' + std::to_string(count) + '>';
    }
    template <class Rep, class Period>
    void ticks(std::string_view name) {
        text_ += name;
        text_ += '<';
        type<Rep>();
        text_ += ',' + std::to_string(Period::num) + '/' + std::to_string(Period::den) + '>';
    }
    template <class T>
    void user_type() {
        if (!again(typeid(T))) {
            const T value{};
            fields(value);
        }
    }

private:
    /// Members are described from the instance at hand, so that an abstract base can be, too.
    template <class T>
    void one(const T& value) {
        if constexpr (requires { codec<T>::is_user_type; }) {
            separate();
            if (!again(typeid(T))) fields(value);
        } else {
            type<T>();
        }
    }
    template <class T>
    void one(const cereal::NameValuePair<T>& pair) {
        one(pair.value);
    }
    template <class T>
    void one(const cereal::base_class<T>& base) {
        one(*base.base_ptr);
    }
    template <class K, class V>
    void one(const cereal::MapItem<K, V>& item) {
        (*this)(item.key, item.value);
    }
    template <class T>
    void one(const cereal::SizeTag<T>&) {
        type<std::uint32_t>();
    }
    template <class T>
    void one(const cereal::BinaryData<T>& data) {
        using element = typename detail::binary_element<cereal::BinaryData<T>>::type;
        separate();
        array<element>(static_cast<std::size_t>(data.size) / sizeof(element));
    }

    template <class T>
    void fields(const T& value) {
        open_.push_back(&typeid(T));
        text_ += '{';
        codec<T>::check();
        if constexpr (codec<T>::supported) detail::call_save(*this, value);
        text_ += '}';
        open_.pop_back();
    }
    void separate();
    /// Writes ^n if the type is one of those that are open.
    bool again(const std::type_info& type);

    std::string text_;
    std::vector<const std::type_info*> open_;
};

/// The text for a T, made once. cv and references do not count.
template <class T>
[[nodiscard]] const std::string& type_signature() {
    using type = std::remove_cvref_t<T>;
    if constexpr (!std::is_same_v<T, type>) {
        return type_signature<type>();
    } else if constexpr (std::is_void_v<T>) {
        static const std::string text = "void";
        return text;
    } else if constexpr (streamed<type>::value) {
        static const std::string text =
            "stream<" + type_signature<typename streamed<type>::item>() + ">";
        return text;
    } else {
        static const std::string text = [] {
            schema_archive schema;
            schema.type<type>();
            return std::move(schema).take();
        }();
        return text;
    }
}

/// `name(A,...)->R`
template <class R, class... A>
[[nodiscard]] std::string signature(std::string_view name) {
    std::string text{name};
    text += '(';
    ((text += type_signature<A>(), text += ','), ...);
    if constexpr (sizeof...(A) != 0) text.pop_back();
    text += ")->";
    text += type_signature<R>();
    return text;
}

struct parsed_signature {
    std::string name;
    std::vector<std::string> parameters;  ///< of a dynamic function the one "..."
    std::string result;

    [[nodiscard]] bool is_dynamic() const {
        return parameters.size() == 1 && parameters.front() == any_number_of_any;
    }
    friend bool operator==(const parsed_signature&, const parsed_signature&) = default;
};

inline constexpr std::size_t function_name_bytes_max = limits{}.name_bytes_max;
inline constexpr std::size_t signature_bytes_max = limits{}.signature_bytes_max;
inline constexpr std::size_t signature_depth_max = 64;

/// 1 to 128 bytes of valid UTF-8 without control characters, blanks (also Unicode's), invisible or
/// direction-changing characters and '('.
[[nodiscard]] bool good_function_name(std::string_view name);

/// Takes a signature apart: protocol_violation if it is none, too_large if it is longer than 4096
/// bytes. Words that this version does not know are let through: what a peer exposes may be newer
/// than its neighbour, and a call is only ever made with an equal signature.
[[nodiscard]] base::result<parsed_signature> parse_signature(std::string_view text);

/// Of a signature: whether it is that of a dynamic function.
[[nodiscard]] constexpr bool is_dynamic(std::string_view signature) {
    return signature.find("(...)->") != signature.npos;
}

/// Of a signature that is one: whether it is that of a stream function.
[[nodiscard]] bool is_stream(std::string_view signature);
/// Of a signature's result: the type of the items; nothing if it is no stream.
[[nodiscard]] std::optional<std::string_view> item_type(std::string_view result);

/// What a parameter begins with that is a reference to a function: fn<R(A,B)>. It stands nowhere else.
inline constexpr std::string_view reference_begin = "fn<";
/// Of a signature: whether it has such a parameter.
[[nodiscard]] bool takes_references(std::string_view signature);

/// How a worker tells of a function (functions.hpp): peers of the first days would refuse the signatures
/// of all but plain ones.
enum class function_kind : std::uint8_t { plain, dynamic, with_references };
[[nodiscard]] function_kind kind_of(std::string_view signature);

/// What a worker exposes of one kind: good signatures, at most functions_max, none twice ([P-65]).
[[nodiscard]] std::optional<base::failure> check_signatures(
    const std::vector<std::string>& all, const limits& bounds,
    function_kind kind = function_kind::plain);

}  // namespace maus::wire
