#include "maus/convert.hpp"

#include "maus/wire/convert.hpp"
#include "maus/wire/signature.hpp"

namespace maus {

namespace {
wire::type_tree tree_of(std::string_view type) {
    auto parsed = wire::type_tree::parse(type);
    if (!parsed) throw error(parsed.why().code, parsed.why().message);
    return std::move(parsed).value();
}
}  // namespace

value detail::value_of_type(std::string_view type, base::byte_view encoded) {
    auto made = wire::value_from(tree_of(type), encoded);
    if (!made) throw error(made.why().code, made.why().message);
    return std::move(made).value();
}

base::buffer detail::encoded_as_type(std::string_view type, const value& from) {
    base::buffer out;
    if (const auto why = wire::encode_as(tree_of(type), from, out)) {
        throw error(why->code, why->message);
    }
    return out;
}

std::optional<std::string> why_not_arguments(std::string_view signature, const arguments& given) {
    const auto parsed = wire::parse_signature(signature);
    if (!parsed) throw error(errc::invalid_argument, parsed.why().message);
    const char* const any = wire::is_stream(signature) ? "(...)->stream<any>" : "(...)->any";
    const auto called = wire::conversion::between(parsed.value().name + any, signature);
    if (!called) return called.why().message;
    base::buffer encoded;
    wire::encode(encoded, given);
    const auto made = called.value().arguments(encoded.view());
    if (made) return std::nullopt;
    return made.why().message;
}

}  // namespace maus
