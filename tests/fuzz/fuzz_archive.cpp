// The reading archive: any bytes are a value of the type that is asked for, which takes as many
// bytes when it is encoded again, or a failure with a reason; and no bytes make it ask for much
// memory. The types are those of the tests (tests/core/payload_zoo.hpp).
// cereal's own load for vectors is what a class derived from one gets.
#include <cereal/types/vector.hpp>

#include "maus/bytes.hpp"
#include "maus/wire/convert.hpp"
#include "tests/core/payload_zoo.hpp"
#include "tests/fuzz/allocations.hpp"
#include "tests/fuzz/input.hpp"

using namespace fuzz;
using namespace payload_zoo;
namespace wire = maus::wire;

namespace {

// How alike the bytes are that a value was read from, and those that it is written as: sets and maps
// may come in any order; a versioned type is written with our version; split_style writes what it did
// not read. Once it was written by us, a value stays as it is, but in hash tables.
enum class likeness { size, stable, exact };
template <class T>
constexpr likeness alike = likeness::exact;
template <>
constexpr likeness alike<zoo> = likeness::stable;
template <>
constexpr likeness alike<versioned> = likeness::stable;
template <>
constexpr likeness alike<split_style> = likeness::stable;
template <>
constexpr likeness alike<std::variant<node, derived, std::list<versioned>>> = likeness::stable;
template <class K>
constexpr likeness alike<std::set<K>> = likeness::stable;
template <class K, class V>
constexpr likeness alike<std::map<K, V>> = likeness::stable;
template <class K, class V>
constexpr likeness alike<std::unordered_map<K, V>> = likeness::size;
template <class K>
constexpr likeness alike<std::unordered_set<K>> = likeness::size;

std::string encoded_again(const auto& value) {
    maus::base::buffer out;
    wire::encode(out, value);
    return std::string(maus::base::as_text(out.view()));
}

template <class T>
void check(maus::base::byte_view raw) {
    const allocations made;
    const auto read = wire::decode<T>(raw);
    // Twice: a vector that grows has the old and the new, and results are moved.
    require(made.bytes() <= 2 * (wire::budget_base_bytes + wire::budget_per_byte * raw.size()),
            "decoding asks for little memory");
    if (!read) {
        require(read.why().code == maus::errc::bad_arguments, "a failure is bad_arguments");
        require(!read.why().message.empty(), "a failure has a reason");
        return;
    }
    const std::string once = encoded_again(std::get<0>(read.value()));
    require(once.size() == raw.size(), "a value takes as many bytes as it was read from");
    if constexpr (alike<T> == likeness::exact) {
        require(once == maus::base::as_text(raw), "a value has the bytes that it was read from");
    }
    const auto again = wire::decode<T>(maus::base::as_bytes(once));
    require(again.ok(), "what was encoded is decoded");
    if constexpr (alike<T> != likeness::size) {
        require(encoded_again(std::get<0>(again.value())) == once, "and is the same again");
    }
}

// Values that share what they are read from.
void check_shared(maus::base::byte_view raw) {
    using shared = std::vector<std::optional<maus::bytes>>;
    maus::base::buffer message{raw};
    shared values;
    const allocations made;
    const auto wrong = wire::decode_into(message, values);
    require(made.bytes() <= 2 * (wire::budget_base_bytes + wire::budget_per_byte * raw.size()),
            "decoding what is shared asks for little memory");
    message = {};
    if (wrong) return;
    require(encoded_again(values) == maus::base::as_text(raw),
            "what is shared has the bytes that it was read from");
}

// The same bytes, read by the text of a type: a value that says the same, or a failure.
void check_converted(std::size_t kind, maus::base::byte_view raw) {
    static const char* const types[] = {"any",
                                        "map<str,list<opt<any>>>",
                                        "{i32,list<^1>}",
                                        "variant<i32,str,list<u8>,map<i16,f64>>",
                                        "list<tuple<u8,opt<opt<bool>>>>",
                                        "set<str>",
                                        "array<time<i32,1/1000>,2>",
                                        "map<set<u8>,unit>"};
    const auto type = wire::type_tree::parse(types[kind % std::size(types)]);
    require(type.ok(), "a type that is known");
    const allocations made;
    const auto read = wire::value_from(type.value(), raw);
    require(made.bytes() <= 3 * (wire::budget_base_bytes + wire::budget_per_byte * raw.size()),
            "reading by a type asks for little memory");
    if (!read) return require(!read.why().message.empty(), "a failure has a reason");
    maus::base::buffer again;
    require(!wire::encode_as(type.value(), read.value(), again), "what was read is written");
    require(again.size() == raw.size(), "as many bytes");
}

using checker = void (*)(maus::base::byte_view);
template <class... Ts>
constexpr auto checkers = std::to_array<checker>({check<Ts>...});

constexpr auto all = checkers<
    zoo, std::vector<std::string>, std::unordered_map<std::string, double>,
    std::variant<node, derived, std::list<versioned>>, self_made, node, strict, loose, color, bool,
    std::vector<bool>, std::optional<point>, std::bitset<9>, std::set<double>,
    std::map<std::pair<char, double>, char>, std::unordered_set<std::uint64_t>, own_container,
    swallower, picky, minimal_style, versioned, split_style, std::list<hidden_nothing>, nothing,
    std::vector<std::optional<std::array<char, 512>>>, std::vector<std::deque<int>>,
    std::map<std::string, std::vector<point>>, std::chrono::milliseconds, foreign,
    std::tuple<int, std::variant<std::monostate, int, std::string>, std::optional<double>>,
    std::vector<double>, std::deque<std::string>, std::vector<std::vector<std::vector<bool>>>,
    maus::value, maus::arguments, std::map<std::string, std::vector<maus::value>>>;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{data, size};
    const auto kind = in.below(all.size());
    const auto raw = in.rest();
    all[kind](raw);
    check_shared(raw);
    check_converted(kind, raw);
    return 0;
}
