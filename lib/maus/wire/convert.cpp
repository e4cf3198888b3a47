#include "maus/wire/convert.hpp"

#include <algorithm>

#include "maus/wire/archive.hpp"
#include "maus/wire/signature.hpp"
#include "maus/wire/value_reader.hpp"
#include "maus/wire/value_writer.hpp"

namespace maus::wire {

using base::failure;

base::result<value> value_from(const type_tree& type, base::byte_view encoded) {
    input_archive in{encoded};
    try {
        value read = detail::value_reader(type, in).read();
        in.finish();
        return read;
    } catch (...) {
        return in.failed();
    }
}

std::optional<failure> encode_as(const type_tree& type, const value& from, base::buffer& out) {
    try {
        detail::value_writer(type, out).write(from);
        return std::nullopt;
    } catch (const error& why) {
        return failure{why.code(), why.what()};
    }
}

// --- two signatures ------------------------------------------------------------------------------

namespace {

bool is_convertible_type(std::string_view one, std::string_view other) {
    return one == other || one == any_type || other == any_type;
}

bool is_convertible_result(std::string_view one, std::string_view other) {
    const auto one_item = item_type(one), other_item = item_type(other);
    if (one_item.has_value() != other_item.has_value()) return false;
    return one_item ? is_convertible_type(*one_item, *other_item) : is_convertible_type(one, other);
}

bool is_convertible(const parsed_signature& called, const parsed_signature& exposed) {
    if (called.name != exposed.name) return false;
    if (!is_convertible_result(called.result, exposed.result)) return false;
    if (called.is_dynamic() || exposed.is_dynamic()) return true;
    return std::equal(called.parameters.begin(), called.parameters.end(),
                      exposed.parameters.begin(), exposed.parameters.end(), is_convertible_type);
}

/// ("x", 2)
std::string brief_call(const std::vector<value>& given) {
    std::string text = "(";
    for (const auto& each : given) {
        if (text.size() > 200) return text + ", ...)";
        if (text.size() > 1) text += ", ";
        text += brief(each, 60);
    }
    return text + ")";
}

}  // namespace

bool is_convertible(std::string_view called, std::string_view exposed) {
    const std::size_t name = called.find('(');
    // Parsing takes a while, and most are of another name.
    if (called.substr(0, name) != exposed.substr(0, exposed.find('('))) return false;
    const auto one = parse_signature(called);
    const auto other = parse_signature(exposed);
    return one.ok() && other.ok() && is_convertible(one.value(), other.value());
}

base::result<conversion::side> conversion::side_of(std::string_view signature) {
    auto parsed = parse_signature(signature);
    if (!parsed) return parsed.why();
    side made;
    made.signature = signature;
    made.is_dynamic = parsed.value().is_dynamic();
    if (!made.is_dynamic) {
        for (const auto& each : parsed.value().parameters) {
            auto tree = type_tree::parse(each);
            if (!tree) return tree.why();
            made.parameters.push_back(std::move(tree).value());
        }
    }
    const std::string_view given = parsed.value().result;
    auto result = type_tree::parse(item_type(given).value_or(given));
    if (!result) return result.why();
    made.result = std::move(result).value();
    return made;
}

base::result<conversion> conversion::between(std::string_view called, std::string_view exposed) {
    if (!is_convertible(called, exposed)) {
        return failure{errc::signature_mismatch, "called as " + std::string(called) +
                                                     ", but the workers expose " +
                                                     std::string(exposed)};
    }
    conversion made;
    auto caller = side_of(called);
    if (!caller) return caller.why();
    made.called_ = std::move(caller).value();
    auto function = side_of(exposed);
    if (!function) return function.why();
    made.exposed_ = std::move(function).value();
    return made;
}

base::failure conversion::refusal(errc code, const std::string& reason,
                                  const std::vector<value>& given) const {
    return {code, reason + "; called as " + called_.signature + " with " + brief_call(given) +
                      ", exposed as " + exposed_.signature};
}

base::result<std::vector<value>> conversion::values_of(base::byte_view as_called) const {
    input_archive in{as_called};
    std::vector<value> given;
    try {
        if (called_.is_dynamic) {
            detail::load_values(in, given);
        } else {
            for (const auto& each : called_.parameters) {
                given.push_back(detail::value_reader(each, in).read());
            }
        }
        in.finish();
    } catch (...) {
        const failure why = in.failed();
        return refusal(why.code, why.message, {});
    }
    return given;
}

base::result<base::buffer> conversion::arguments(base::byte_view as_called) const {
    auto decoded = values_of(as_called);
    if (!decoded) return decoded.why();
    const std::vector<value>& given = decoded.value();
    base::buffer out;
    try {
        if (exposed_.is_dynamic) {
            output_archive archive{out};
            for (const auto& each : given) detail::save_value(archive, each);
            return out;
        }
    } catch (const error& why) {
        return refusal(why.code(), why.what(), given);
    }
    if (given.size() != exposed_.parameters.size()) {
        return refusal(errc::signature_mismatch,
                       std::to_string(given.size()) + " arguments where " +
                           std::to_string(exposed_.parameters.size()) + " belong",
                       given);
    }
    for (std::size_t i = 0; i < given.size(); ++i) {
        const auto why = encode_as(exposed_.parameters[i], given[i], out);
        if (!why) continue;
        const std::string where = "argument " + std::to_string(i + 1);
        const bool is_inside = why->message.starts_with('[') || why->message.starts_with('.');
        return refusal(why->code, where + (is_inside ? "" : ": ") + why->message, given);
    }
    return out;
}

base::result<base::buffer> conversion::result(base::byte_view as_exposed) const {
    const auto refuse = [this](const std::string& reason) {
        return failure{errc::bad_result, reason + "; called as " + called_.signature +
                                             ", exposed as " + exposed_.signature};
    };
    base::buffer out;
    if (called_.result.root().kind == type_kind::nothing) return out;  // whatever it gave
    const auto decoded = value_from(exposed_.result, as_exposed);
    if (!decoded) return refuse(decoded.why().message);
    if (const auto why = encode_as(called_.result, decoded.value(), out)) {
        return refuse("the result: " + why->message);
    }
    return out;
}

// --- for the public API --------------------------------------------------------------------------

namespace {
type_tree tree_of(std::string_view type) {
    auto parsed = type_tree::parse(type);
    if (!parsed) throw error(parsed.why().code, parsed.why().message);
    return std::move(parsed).value();
}
}  // namespace

value value_of_type(std::string_view type, base::byte_view encoded) {
    auto made = value_from(tree_of(type), encoded);
    if (!made) throw error(made.why().code, made.why().message);
    return std::move(made).value();
}

base::buffer encoded_as_type(std::string_view type, const value& from) {
    base::buffer out;
    if (const auto why = encode_as(tree_of(type), from, out)) {
        throw error(why->code, why->message);
    }
    return out;
}

std::optional<std::string> why_not_arguments(std::string_view signature, const arguments& given) {
    const auto parsed = parse_signature(signature);
    if (!parsed) throw error(errc::invalid_argument, parsed.why().message);
    const char* const any = is_stream(signature) ? "(...)->stream<any>" : "(...)->any";
    const auto called = conversion::between(parsed.value().name + any, signature);
    if (!called) return called.why().message;
    base::buffer encoded;
    encode(encoded, given);
    const auto made = called.value().arguments(encoded.view());
    if (made) return std::nullopt;
    return made.why().message;
}

}  // namespace maus::wire
