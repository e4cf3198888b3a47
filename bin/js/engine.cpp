#include "bin/js/engine.hpp"

#include <exception>
#include <utility>
#include <vector>

#include "bin/js/text.hpp"
#include "maus/wire/archive.hpp"

namespace maus::js {

engine::engine() : context_(JSGlobalContextCreate(nullptr)), convert_(context_) {}

void engine::know(std::uint32_t number, std::string source) {
    forget(number);
    texts_[number].source = std::move(source);
}

void engine::forget(std::uint32_t number) {
    const auto found = texts_.find(number);
    if (found == texts_.end()) return;
    if (found->second.function != nullptr) JSValueUnprotect(context_, found->second.function);
    texts_.erase(found);
}

// The text is an expression. A line break before what follows it: it may end with a comment.
JSObjectRef engine::function_of(text& from) {
    if (from.function != nullptr) return from.function;
    const js_text source(
        std::string_view("(() => { const __this = (" + from.source + "\n); return __this; })()"));
    JSValueRef failed = nullptr;
    const JSValueRef made = JSEvaluateScript(context_, source.get(), nullptr, nullptr, 1, &failed);
    if (failed != nullptr) throw thrown{failed};
    const JSObjectRef function =
        JSValueIsObject(context_, made) ? JSValueToObject(context_, made, nullptr) : nullptr;
    if (function == nullptr || !JSObjectIsFunction(context_, function)) {
        throw no_value("the text of the script is no function");
    }
    JSValueProtect(context_, function);
    return from.function = function;
}

value engine::called(JSObjectRef function, const arguments& with) {
    std::vector<JSValueRef> given;
    const struct release {
        ~release() {
            for (const JSValueRef each : all) JSValueUnprotect(context, each);
        }
        JSContextRef context;
        std::vector<JSValueRef>& all;
    } when_done{context_, given};
    for (const value& each : with) {
        given.push_back(convert_.to_js(each));
        JSValueProtect(context_, given.back());
    }
    JSValueRef failed = nullptr;
    const JSValueRef result =
        JSObjectCallAsFunction(context_, function, nullptr, given.size(), given.data(), &failed);
    if (failed != nullptr) throw thrown{failed};
    return convert_.from_js(convert_.is_promise(result) ? awaited(result) : result);
}

// --- promises ------------------------------------------------------------------------------------

namespace {

/// What has become of one. On the stack, where the collector finds what it refers to.
struct settlement {
    JSValueRef value = nullptr;
    JSValueRef failure = nullptr;
};

template <JSValueRef settlement::*what>
JSValueRef settle(JSContextRef context, JSObjectRef function, JSObjectRef, std::size_t count,
                  const JSValueRef given[], JSValueRef*) {
    const JSValueRef undefined = JSValueMakeUndefined(context);
    auto* const of = static_cast<settlement*>(JSObjectGetPrivate(function));
    if (of != nullptr) of->*what = count > 0 ? given[0] : undefined;
    return undefined;
}

template <JSValueRef settlement::*what>
JSClassRef settling_class() {
    static const JSClassRef made = [] {
        JSClassDefinition definition = kJSClassDefinitionEmpty;
        definition.callAsFunction = settle<what>;
        return JSClassCreate(&definition);
    }();
    return made;
}

}  // namespace

// All that is ready to go on has gone on when a call returns, and nothing else can make it ready: there
// are no timers and no events here.
JSValueRef engine::awaited(JSValueRef promise) {
    settlement of;
    const JSObjectRef value = JSObjectMake(context_, settling_class<&settlement::value>(), &of);
    const JSObjectRef failure = JSObjectMake(context_, settling_class<&settlement::failure>(), &of);
    convert_.then(JSValueToObject(context_, promise, nullptr), value, failure);
    JSObjectSetPrivate(value, nullptr);
    JSObjectSetPrivate(failure, nullptr);
    if (of.failure != nullptr) throw thrown{of.failure};
    if (of.value == nullptr) throw no_value("its promise waits for what never comes");
    return of.value;
}

// --- what the worker is told ---------------------------------------------------------------------

wire::helper::answer engine::run(const wire::helper::run& wanted) {
    const auto told = [&](value::error failure) {
        return wire::helper::threw{wanted.id, std::move(failure.name), std::move(failure.message)};
    };
    const auto known = texts_.find(wanted.text);
    if (known == texts_.end()) return told({"ReferenceError", "the worker did not send the text"});
    JSObjectRef function = nullptr;
    try {
        function = function_of(known->second);
    } catch (const thrown& why) {
        return told(convert_.describe(why.what));
    } catch (const no_value& why) {
        return told({"TypeError", why.what()});
    }
    try {
        wire::helper::value given{wanted.id, {}};
        wire::encode(given.encoded, called(function, wanted.arguments));
        return given;
    } catch (const thrown& why) {
        return told(convert_.describe(why.what));
    } catch (const std::exception& why) {
        return wire::helper::no_value{wanted.id, why.what()};
    }
}

}  // namespace maus::js
