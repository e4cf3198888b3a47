// The parser of signatures: any text is one, whose parts put together are that text again, or a
// failure with a reason.
#include "maus/wire/signature.hpp"

#include "maus/wire/message.hpp"
#include "maus/wire/type_tree.hpp"
#include "tests/fuzz/allocations.hpp"
#include "tests/fuzz/input.hpp"

using namespace fuzz;
using maus::wire::parse_signature;

namespace {

std::string text_from(input& in) {
    if (in.one_in(2)) return std::string(maus::base::as_text(in.rest()));
    static const std::string tokens[] = {"f",       "(",          ")",
                                         ")->",     ",",          "i32",
                                         "str",     "void",       "unit",
                                         "list<",   "array<",     ">",
                                         "map<",    "{",          "}",
                                         "^1",      "^2",         "^0",
                                         "3",       "1/1000",     "dur<",
                                         "opt<",    "^18",        "\xff",
                                         "\t",      "\xc3\xbc",   "\xe2\x80\x8b",
                                         "tuple<",  "0",          "->i32",
                                         "f(i32)",  "007",        "(",
                                         "{{{{",    "list<list<", "\xf0\x9f\x90\xad",
                                         "...",     "any",        "fn<",
                                         "stream<", "i8(",        ")>"};
    std::string text;
    while (!in.empty()) text += in.one_of(tokens);
    return text;
}

std::string put_together(const maus::wire::parsed_signature& parts) {
    std::string text = parts.name + "(";
    for (const auto& each : parts.parameters) text += each + ",";
    if (!parts.parameters.empty()) text.pop_back();
    return text + ")->" + parts.result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{data, size};
    const std::string text = text_from(in);
    const allocations made;
    const auto parsed = parse_signature(text);
    require(made.bytes() <= 1024 + 64 * text.size(), "parsing asks for little memory");
    if (!parsed) {
        const auto& why = parsed.why();
        require(why.code == maus::errc::protocol_violation || why.code == maus::errc::too_large,
                "a failure is one of two");
        require(maus::wire::good_name(why.message, 4000), "a failure's reason is fit for a log");
        return 0;
    }
    const auto& parts = parsed.value();
    require(put_together(parts) == text, "the parts put together are the text");
    require(maus::wire::good_function_name(parts.name), "the name is good");
    require(maus::wire::good_name(parts.name, 128), "the name is fit for a log");
    for (const auto& each : parts.parameters) {
        require(each != "void", "no parameter is void");
        // A text of one parameter that is a result, too.
        const bool is_reference = each.starts_with("fn<") && each.find('(') != each.npos;
        if (text.size() < 1000 && !parts.is_dynamic() && !is_reference) {
            const auto again = parse_signature("f(" + each + ")->" + each);
            require(again.ok(), "a parameter's type is a result's type");
        }
    }
    if (text.size() < 1000) {
        const auto tree = maus::wire::type_tree::parse(parts.result);
        require(tree.ok() || tree.why().code == maus::errc::unimplemented,
                "a type is taken apart, or is newer than this version");
    }
    return 0;
}
