// The JavaScript engine of maus-js: one context for all texts, as long as the process lives.
#pragma once

#include <JavaScriptCore/JavaScript.h>

#include <cstdint>
#include <map>
#include <string>

#include "bin/js/conversion.hpp"
#include "maus/value.hpp"
#include "maus/wire/script_helper.hpp"

namespace maus::js {

class engine {
public:
    engine();
    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    /// Compiled when it is run first.
    void know(std::uint32_t number, std::string source);
    void forget(std::uint32_t number);
    [[nodiscard]] wire::helper::answer run(const wire::helper::run& wanted);

private:
    struct text {
        std::string source;
        JSObjectRef function = nullptr;
    };
    [[nodiscard]] JSObjectRef function_of(text& from);
    [[nodiscard]] value called(JSObjectRef function, const arguments& with);
    [[nodiscard]] JSValueRef awaited(JSValueRef promise);

    JSGlobalContextRef context_;
    conversion convert_;
    std::map<std::uint32_t, text> texts_;
};

}  // namespace maus::js
