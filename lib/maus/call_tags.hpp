// What a call carries for whoever looks at it later: a label and a trace context.
//
//     auto nightly = workers.with({.label = "nightly", .trace = request.header("traceparent")});
//     nightly.call(add, 1, 1);
//
// Both are empty unless somebody sets them, and cost nothing then. They travel with each attempt, so
// the function sees them (context.hpp), and calls that it makes itself carry the trace on.
//
// Thread-safety: plain values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace maus {

/// A few words that name a call in errors and logs: 1 to limits::name_bytes_max bytes of UTF-8 without
/// control characters. Copies share the text.
class call_label {
public:
    call_label() = default;
    // Not explicit: it stands for a text among options.
    call_label(std::string text)
        : text_(text.empty() ? nullptr : std::make_shared<const std::string>(std::move(text))) {}
    call_label(std::string_view text) : call_label(std::string(text)) {}
    call_label(const char* text) : call_label(std::string(text)) {}

    [[nodiscard]] bool empty() const noexcept { return text_ == nullptr; }
    [[nodiscard]] std::string_view view() const noexcept {
        return text_ ? std::string_view(*text_) : std::string_view{};
    }

private:
    std::shared_ptr<const std::string> text_;
};

/// Which trace a call belongs to, as the field `traceparent` of W3C Trace Context (level 1) says:
/// https://www.w3.org/TR/trace-context/. libmaus passes it on and makes no spans.
struct trace_context {
    std::array<std::uint8_t, 16> trace{};  ///< all 0: none
    std::array<std::uint8_t, 8> parent{};  ///< the span that the call is part of
    std::uint8_t flags = 0;                ///< bit 0: sampled

    trace_context() = default;
    /// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01". Throws maus::error
    /// (invalid_argument) if it is not one. Not explicit: it stands for a text among options.
    trace_context(std::string_view traceparent);
    trace_context(const char* traceparent) : trace_context(std::string_view(traceparent)) {}
    trace_context(const std::string& traceparent) : trace_context(std::string_view(traceparent)) {}

    [[nodiscard]] bool empty() const noexcept { return trace == decltype(trace){}; }
    /// As the field has it; "" if there is none.
    [[nodiscard]] std::string traceparent() const;
    friend auto operator<=>(const trace_context&, const trace_context&) = default;
};

}  // namespace maus
