// What maus::error::what() says of a call that failed: "add: bad_result: at byte 0: ...", or
// "add [nightly]: ..." of one with a label.
#pragma once

#include <string>
#include <string_view>

#include "maus/error.hpp"

namespace maus::shell {

[[nodiscard]] inline std::string failure_text(std::string_view function, errc code,
                                              std::string_view remote_type, std::string_view why,
                                              std::string_view label = {}) {
    std::string text(function);
    if (!label.empty()) text += " [" + std::string(label) + "]";
    for (const std::string_view part : {to_string(code), remote_type, why}) {
        if (part.empty()) continue;
        if (!text.empty()) text += ": ";
        text += part;
    }
    return text;
}

}  // namespace maus::shell
