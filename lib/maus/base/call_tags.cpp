#include "maus/call_tags.hpp"

#include "maus/base/hex.hpp"
#include "maus/error.hpp"

namespace maus {

namespace {

/// Reads the fields of a traceparent, one after the other.
class field_reader {
public:
    explicit field_reader(std::string_view from) : left_(from) {}

    // Capitals are not allowed there.
    bool byte(std::uint8_t& into) {
        const auto read = base::hex_byte(left_);
        if (!read) return false;
        into = *read;
        left_.remove_prefix(2);
        return true;
    }
    template <std::size_t N>
    bool bytes(std::array<std::uint8_t, N>& into) {
        bool any = false;
        for (auto& each : into) {
            if (!byte(each)) return false;
            any = any || each != 0;
        }
        return any;  // an id of zeros is none
    }
    bool dash() {
        if (left_.empty() || left_.front() != '-') return false;
        left_.remove_prefix(1);
        return true;
    }
    [[nodiscard]] bool at_end() const { return left_.empty(); }

private:
    std::string_view left_;
};

// A later version may have more fields behind these.
bool read(std::string_view text, trace_context& into) {
    field_reader from(text);
    std::uint8_t version = 0;
    if (!from.byte(version) || version == 0xFF || !from.dash()) return false;
    if (!from.bytes(into.trace) || !from.dash() || !from.bytes(into.parent) || !from.dash()) {
        return false;
    }
    if (!from.byte(into.flags)) return false;
    return from.at_end() || (version != 0 && from.dash());
}

}  // namespace

trace_context::trace_context(std::string_view traceparent) {
    if (read(traceparent, *this)) return;
    throw error(errc::invalid_argument,
                "not a traceparent: " + std::string(traceparent.substr(0, 64)) +
                    "; one looks like 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
}

std::string trace_context::traceparent() const {
    if (empty()) return {};
    std::string text = "00-";
    base::append_hex(text, trace);
    text += '-';
    base::append_hex(text, parent);
    text += '-';
    base::append_hex(text, flags);
    return text;
}

}  // namespace maus
