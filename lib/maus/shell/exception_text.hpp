// What an exception says of itself, so that it can be told to the caller on another machine.
#pragma once

#include <exception>
#include <string>

namespace maus::shell {

struct exception_text {
    std::string type;  ///< as this compiler spells it: "std::out_of_range"
    std::string text;  ///< what()
};

[[nodiscard]] exception_text describe(const std::exception_ptr& thrown);

}  // namespace maus::shell
