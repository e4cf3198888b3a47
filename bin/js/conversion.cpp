#include "bin/js/conversion.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "bin/js/text.hpp"
#include "maus/wire/cursor.hpp"

namespace maus::js {

namespace {

using wire::depth_max;
constexpr double integer_max = 9007199254740991;

/// Those that only a container of our own holds, which the collector does not see.
class protected_values {
public:
    explicit protected_values(JSContextRef context) : context_(context) {}
    ~protected_values() {
        for (const JSValueRef each : all_) JSValueUnprotect(context_, each);
    }
    protected_values(const protected_values&) = delete;
    protected_values& operator=(const protected_values&) = delete;
    void add(JSValueRef one) {
        all_.push_back(one);
        JSValueProtect(context_, one);
    }
    [[nodiscard]] const std::vector<JSValueRef>& all() const { return all_; }

private:
    JSContextRef context_;
    std::vector<JSValueRef> all_;
};

}  // namespace

conversion::conversion(JSGlobalContextRef context)
    : context_(context),
      define_(
          evaluate("((define) => (object, key, value) => { define(object, key, {__proto__: null,"
                   " value, writable: true, enumerable: true, configurable: true}); })"
                   "(Object.defineProperty)")),
      keys_(evaluate("Object.keys")),
      is_array_(evaluate("Array.isArray")),
      time_(evaluate("Date.prototype.getTime")),
      source_(evaluate("Object.getOwnPropertyDescriptor(RegExp.prototype, 'source').get")),
      flags_(evaluate("Object.getOwnPropertyDescriptor(RegExp.prototype, 'flags').get")),
      then_(evaluate("Promise.prototype.then")),
      regexp_(evaluate("RegExp")),
      error_(evaluate("Error")),
      promise_(evaluate("Promise")),
      map_(evaluate("Map")),
      set_(evaluate("Set")) {}

JSObjectRef conversion::evaluate(const char* text) const {
    const js_text source(text);
    JSValueRef failed = nullptr;
    const JSValueRef made = JSEvaluateScript(context_, source.get(), nullptr, nullptr, 1, &failed);
    if (failed != nullptr) throw thrown{failed};
    JSValueProtect(context_, made);  // for good
    return JSValueToObject(context_, made, nullptr);
}

JSValueRef conversion::call(JSObjectRef function, JSObjectRef self,
                            std::initializer_list<JSValueRef> arguments) const {
    JSValueRef failed = nullptr;
    const JSValueRef result = JSObjectCallAsFunction(context_, function, self, arguments.size(),
                                                     arguments.begin(), &failed);
    if (failed != nullptr) throw thrown{failed};
    return result;
}

bool conversion::is_a(JSValueRef what, JSObjectRef constructor) const {
    JSValueRef failed = nullptr;
    const bool is = JSValueIsInstanceOfConstructor(context_, what, constructor, &failed);
    if (failed != nullptr) throw thrown{failed};
    return is;
}

JSValueRef conversion::get(JSObjectRef from, const char* name) const {
    const js_text key(name);
    JSValueRef failed = nullptr;
    const JSValueRef found = JSObjectGetProperty(context_, from, key.get(), &failed);
    if (failed != nullptr) throw thrown{failed};
    return found;
}

std::string conversion::text_of(JSValueRef what) const {
    JSValueRef failed = nullptr;
    const js_text text(JSValueToStringCopy(context_, what, &failed));
    if (failed != nullptr) throw thrown{failed};
    return text.utf8();
}

bool conversion::is_promise(JSValueRef what) const {
    return JSValueIsObject(context_, what) && is_a(what, promise_);
}

void conversion::then(JSObjectRef promise, JSValueRef value, JSValueRef failure) const {
    (void)call(then_, promise, {value, failure});
}

// --- to JavaScript -------------------------------------------------------------------------------

namespace {
JSValueRef integer_to_js(JSContextRef context, const value& from) {
    const bool is_signed = from.is(value_kind::i64);
    if (is_signed && std::abs(static_cast<double>(from.as_i64())) <= integer_max) {
        return JSValueMakeNumber(context, static_cast<double>(from.as_i64()));
    }
    return is_signed ? JSBigIntCreateWithInt64(context, from.as_i64(), nullptr)
                     : JSBigIntCreateWithUInt64(context, from.as_u64(), nullptr);
}

JSValueRef bytes_to_js(JSContextRef context, const value::bytes& from) {
    const JSObjectRef made =
        JSObjectMakeTypedArray(context, kJSTypedArrayTypeUint8Array, from.size(), nullptr);
    if (made == nullptr) throw no_value("no memory for the bytes");
    auto* const at =
        static_cast<std::uint8_t*>(JSObjectGetTypedArrayBytesPtr(context, made, nullptr));
    if (!from.empty()) std::copy(from.begin(), from.end(), at);
    return made;
}

JSValueRef string_to_js(JSContextRef context, std::string_view from) {
    const js_text text(from);
    return JSValueMakeString(context, text.get());
}
}  // namespace

JSValueRef conversion::object_to_js(const value::object& from) const {
    const JSObjectRef made = JSObjectMake(context_, nullptr, nullptr);
    for (const auto& [key, held] : from) {
        (void)call(define_, nullptr, {made, string_to_js(context_, key), to_js(held)});
    }
    return made;
}

JSValueRef conversion::to_js(const value& from) const {
    switch (from.kind()) {
        case value_kind::null: return JSValueMakeNull(context_);
        case value_kind::boolean: return JSValueMakeBoolean(context_, from.as_bool());
        case value_kind::i64:
        case value_kind::u64: return integer_to_js(context_, from);
        case value_kind::f64: return JSValueMakeNumber(context_, from.as_f64());
        case value_kind::string: return string_to_js(context_, from.as_string());
        case value_kind::bytes: return bytes_to_js(context_, from.as_bytes());
        case value_kind::array: {
            protected_values elements(context_);
            for (const value& each : from.as_array()) elements.add(to_js(each));
            return JSObjectMakeArray(context_, elements.all().size(), elements.all().data(),
                                     nullptr);
        }
        case value_kind::object: return object_to_js(from.as_object());
        case value_kind::time: {
            const auto at = from.as_timestamp();
            const JSValueRef ms = JSValueMakeNumber(
                context_, static_cast<double>(at.seconds) * 1000 + at.nanoseconds / 1000000);
            return JSObjectMakeDate(context_, 1, &ms, nullptr);
        }
        case value_kind::regexp: {
            const JSValueRef said[] = {string_to_js(context_, from.as_regexp().source),
                                       string_to_js(context_, from.as_regexp().flags)};
            JSValueRef failed = nullptr;
            const JSObjectRef made = JSObjectMakeRegExp(context_, 2, said, &failed);
            if (failed != nullptr) throw thrown{failed};
            return made;
        }
        case value_kind::error: {
            const JSValueRef message = string_to_js(context_, from.as_error().message);
            const JSObjectRef made = JSObjectMakeError(context_, 1, &message, nullptr);
            (void)call(define_, nullptr,
                       {made, string_to_js(context_, "name"),
                        string_to_js(context_, from.as_error().name)});
            return made;
        }
    }
    return JSValueMakeUndefined(context_);
}

// --- from JavaScript -----------------------------------------------------------------------------

value conversion::from_js(JSValueRef from, depth deep) const {
    switch (JSValueGetType(context_, from)) {
        case kJSTypeUndefined:
        case kJSTypeNull: return nullptr;
        case kJSTypeBoolean: return JSValueToBoolean(context_, from);
        case kJSTypeNumber: return number_of(JSValueToNumber(context_, from, nullptr));
        case kJSTypeString: return text_of(from);
        case kJSTypeSymbol: throw no_value("a symbol is no value");
        case kJSTypeBigInt: return bigint_of(from);
        case kJSTypeObject: break;
    }
    if (deep >= depth_max) throw no_value("it is nested deeper than 64, or contains itself");
    return object_of(JSValueToObject(context_, from, nullptr), deep + 1);
}

value conversion::number_of(double from) const {
    const bool is_integer = std::trunc(from) == from && std::abs(from) <= integer_max;
    if (!is_integer || (from == 0 && std::signbit(from))) return from;
    return static_cast<std::int64_t>(from);
}

value conversion::bigint_of(JSValueRef from) const {
    const std::string digits = text_of(from);
    const char* const end = digits.data() + digits.size();
    std::int64_t with_sign = 0;
    std::uint64_t without = 0;
    if (const auto read = std::from_chars(digits.data(), end, with_sign);
        read.ec == std::errc{} && read.ptr == end) {
        return with_sign;
    }
    if (const auto read = std::from_chars(digits.data(), end, without);
        read.ec == std::errc{} && read.ptr == end) {
        return without;
    }
    throw no_value("a BigInt of more than 64 bits is no value");
}

value conversion::object_of(JSObjectRef from, depth deep) const {
    if (JSObjectIsFunction(context_, from)) throw no_value("a function is no value");
    if (is_array(from)) return array_of(from, deep);
    if (JSValueIsDate(context_, from)) return time_of(from);
    const auto type = JSValueGetTypedArrayType(context_, from, nullptr);
    if (type != kJSTypedArrayTypeNone) {
        const bool are_bytes = type == kJSTypedArrayTypeUint8Array ||
                               type == kJSTypedArrayTypeUint8ClampedArray ||
                               type == kJSTypedArrayTypeArrayBuffer;
        return are_bytes ? bytes_of(from, type) : array_of(from, deep);
    }
    if (is_a(from, regexp_)) {
        return value::regexp{text_of(call(source_, from, {})), text_of(call(flags_, from, {}))};
    }
    if (is_a(from, error_)) {
        return value::error{text_of(get(from, "name")), text_of(get(from, "message"))};
    }
    for (const auto& [kind, name] : {std::pair{map_, "a Map is no value"},
                                     {set_, "a Set is no value"},
                                     {promise_, "a promise inside of something is no value"}}) {
        if (is_a(from, kind)) throw no_value(name);
    }
    return members_of(from, deep);
}

// Also a proxy of one.
bool conversion::is_array(JSObjectRef what) const {
    return JSValueIsArray(context_, what) ||
           JSValueToBoolean(context_, call(is_array_, nullptr, {what}));
}

// Its own enumerable ones.
value conversion::members_of(JSObjectRef from, depth deep) const {
    const JSValueRef keys = call(keys_, nullptr, {from});
    const JSObjectRef list = JSValueToObject(context_, keys, nullptr);
    const auto count =
        static_cast<unsigned int>(JSValueToNumber(context_, get(list, "length"), nullptr));
    std::vector<value::object::member> members;
    for (unsigned int i = 0; i < count; ++i) {
        const JSValueRef key = JSObjectGetPropertyAtIndex(context_, list, i, nullptr);
        const js_text name(JSValueToStringCopy(context_, key, nullptr));
        JSValueRef failed = nullptr;
        const JSValueRef held = JSObjectGetProperty(context_, from, name.get(), &failed);
        if (failed != nullptr) throw thrown{failed};
        members.emplace_back(name.utf8(), from_js(held, deep));
    }
    auto made = value::object::of(std::move(members));
    if (!made) throw no_value("two of its keys are the same as UTF-8");
    return *std::move(made);
}

value conversion::array_of(JSObjectRef from, depth deep) const {
    const double length = JSValueToNumber(context_, get(from, "length"), nullptr);
    if (!(length >= 0 && length <= std::numeric_limits<std::uint32_t>::max())) {
        throw no_value("an array without a length");
    }
    value::array made;
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(length); ++i) {
        JSValueRef failed = nullptr;
        const JSValueRef held = JSObjectGetPropertyAtIndex(context_, from, i, &failed);
        if (failed != nullptr) throw thrown{failed};
        made.push_back(from_js(held, deep));
    }
    return made;
}

value conversion::bytes_of(JSObjectRef from, JSTypedArrayType type) const {
    JSObjectRef buffer = from;
    std::size_t first = 0, size = 0;
    if (type == kJSTypedArrayTypeArrayBuffer) {
        size = JSObjectGetArrayBufferByteLength(context_, from, nullptr);
    } else {
        buffer = JSObjectGetTypedArrayBuffer(context_, from, nullptr);
        first = JSObjectGetTypedArrayByteOffset(context_, from, nullptr);
        size = JSObjectGetTypedArrayByteLength(context_, from, nullptr);
    }
    const void* const at =
        buffer != nullptr ? JSObjectGetArrayBufferBytesPtr(context_, buffer, nullptr) : nullptr;
    if (at == nullptr || size == 0) return value::bytes{};
    const auto* const bytes = static_cast<const std::uint8_t*>(at) + first;
    return value::bytes(bytes, bytes + size);
}

value conversion::time_of(JSObjectRef from) const {
    const double ms = JSValueToNumber(context_, call(time_, from, {}), nullptr);
    if (!std::isfinite(ms)) throw no_value("an invalid Date is no value");
    const double seconds = std::floor(ms / 1000);
    return value::timestamp{static_cast<std::int64_t>(seconds),
                            static_cast<std::uint32_t>(ms - seconds * 1000) * 1000000};
}

value::error conversion::describe(JSValueRef what) const noexcept {
    value::error told{"Error", ""};
    const auto say = [](auto get, std::string& into) {
        try {
            into = get();
        } catch (const thrown&) {
            into = "(it throws when it is asked)";
        } catch (const std::exception& why) {
            into = why.what();
        }
    };
    if (!JSValueIsObject(context_, what)) {
        told.name = "thrown";
        say([&] { return text_of(what); }, told.message);
        return told;
    }
    const JSObjectRef object = JSValueToObject(context_, what, nullptr);
    say([&] { return text_of(get(object, "name")); }, told.name);
    say([&] { return text_of(get(object, "message")); }, told.message);
    return told;
}

}  // namespace maus::js
