#include "maus/shell/exception_text.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <typeinfo>

namespace maus::shell {

namespace {
std::string demangled(const char* name) {
    int status = 0;
    char* readable = abi::__cxa_demangle(name, nullptr, nullptr, &status);
    std::string text = status == 0 ? readable : name;
    std::free(readable);
    return text;
}
}  // namespace

exception_text describe(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& known) {
        const char* const text = known.what();  // a program's own class may give a null pointer
        return {demangled(typeid(known).name()), text != nullptr ? text : ""};
    } catch (...) {
        const std::type_info* type = abi::__cxa_current_exception_type();
        return {type != nullptr ? demangled(type->name()) : "unknown",
                "an exception that is no std::exception"};
    }
}

}  // namespace maus::shell
