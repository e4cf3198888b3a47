#include "maus/convert.hpp"

#include "maus/wire/convert.hpp"

namespace maus {

value detail::value_of_type(std::string_view type, base::byte_view encoded) {
    return wire::value_of_type(type, encoded);
}
base::buffer detail::encoded_as_type(std::string_view type, const value& from) {
    return wire::encoded_as_type(type, from);
}
std::optional<std::string> why_not_arguments(std::string_view signature, const arguments& given) {
    return wire::why_not_arguments(signature, given);
}

}  // namespace maus
