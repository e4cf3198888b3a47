// Between maus::value and what JavaScript has (PROTOCOL.md, P-130).
//
// The script may have changed every object that it can reach, and what it gives may be made of getters
// and proxies. So nothing here is looked up by a name that the script can reach: what is needed was taken
// before the script was there.
#pragma once

#include <JavaScriptCore/JavaScript.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "maus/value.hpp"

namespace maus::js {

/// What JavaScript threw.
struct thrown {
    JSValueRef what;
};
/// There is no value for it.
class no_value : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

class conversion {
public:
    /// Of a context in which nothing has run yet.
    explicit conversion(JSGlobalContextRef context);
    conversion(const conversion&) = delete;
    conversion& operator=(const conversion&) = delete;

    [[nodiscard]] JSValueRef to_js(const value& from) const;
    /// Throws thrown, or no_value.
    [[nodiscard]] value from_js(JSValueRef from) const { return from_js(from, 0); }
    /// Never throws: what cannot be said is left out.
    [[nodiscard]] value::error describe(JSValueRef what) const noexcept;
    [[nodiscard]] bool is_promise(JSValueRef what) const;
    /// Has these called with what becomes of it. Throws thrown.
    void then(JSObjectRef promise, JSValueRef value, JSValueRef failure) const;

private:
    using depth = unsigned int;
    [[nodiscard]] JSObjectRef evaluate(const char* text) const;
    [[nodiscard]] JSValueRef call(JSObjectRef function, JSObjectRef self,
                                  std::initializer_list<JSValueRef> arguments) const;
    [[nodiscard]] bool is_a(JSValueRef what, JSObjectRef constructor) const;
    [[nodiscard]] bool is_array(JSObjectRef what) const;
    [[nodiscard]] JSValueRef get(JSObjectRef from, const char* name) const;
    [[nodiscard]] std::string text_of(JSValueRef what) const;
    [[nodiscard]] JSValueRef object_to_js(const value::object& from) const;
    [[nodiscard]] value from_js(JSValueRef from, depth deep) const;
    [[nodiscard]] value number_of(double from) const;
    [[nodiscard]] value bigint_of(JSValueRef from) const;
    [[nodiscard]] value object_of(JSObjectRef from, depth deep) const;
    [[nodiscard]] value members_of(JSObjectRef from, depth deep) const;
    [[nodiscard]] value array_of(JSObjectRef from, depth deep) const;
    [[nodiscard]] value bytes_of(JSObjectRef from, JSTypedArrayType type) const;
    [[nodiscard]] value time_of(JSObjectRef from) const;

    JSGlobalContextRef context_;
    JSObjectRef define_, keys_, is_array_, time_, source_, flags_, then_;  // functions
    JSObjectRef regexp_, error_, promise_, map_, set_;                     // constructors
};

}  // namespace maus::js
