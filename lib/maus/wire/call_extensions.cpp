#include "maus/wire/call_extensions.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>

#include "maus/wire/message.hpp"
#include "maus/wire/number.hpp"

namespace maus::wire {

namespace {
constexpr std::size_t trace_bytes =
    sizeof(trace_context::trace) + sizeof(trace_context::parent) + sizeof(trace_context::flags);

std::array<std::byte, trace_bytes> bytes_of(const trace_context& trace) {
    std::array<std::byte, trace_bytes> bytes;
    std::memcpy(bytes.data(), trace.trace.data(), trace.trace.size());
    std::memcpy(bytes.data() + trace.trace.size(), trace.parent.data(), trace.parent.size());
    bytes.back() = std::byte{trace.flags};
    return bytes;
}

trace_context trace_of(base::byte_view bytes) {
    trace_context trace;
    std::memcpy(trace.trace.data(), bytes.data(), trace.trace.size());
    std::memcpy(trace.parent.data(), bytes.data() + trace.trace.size(), trace.parent.size());
    trace.flags = static_cast<std::uint8_t>(bytes.back());
    return trace;
}

constexpr std::size_t credit_bytes =
    sizeof(stream_credit::items) + sizeof(stream_credit::bytes) + sizeof(stream_credit::skip);

std::array<std::byte, credit_bytes> bytes_of(const stream_credit& credit) {
    std::array<std::byte, credit_bytes> bytes;
    store(bytes.data(), credit.items);
    store(bytes.data() + 4, credit.bytes);
    store(bytes.data() + 12, credit.skip);
    return bytes;
}

stream_credit credit_of(base::byte_view bytes) {
    return {load<std::uint32_t>(bytes.data()), load<std::uint64_t>(bytes.data() + 4),
            load<std::uint64_t>(bytes.data() + 12)};
}

// What is too long for this clock is the longest that it knows.
base::duration time_of(std::uint64_t nanoseconds) {
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return base::duration{static_cast<std::int64_t>(std::min(nanoseconds, most))};
}
}  // namespace

base::buffer encoded(const call_extensions& these) {
    extensions all;
    std::array<std::byte, sizeof(std::uint64_t)> left;
    std::array<std::byte, trace_bytes> trace;
    if (these.time_left) {
        const auto time = std::max(*these.time_left, base::duration::zero());
        store(left.data(), static_cast<std::uint64_t>(time.count()));
        all.push_back({time_left_tag, left});
    }
    if (!these.label.empty()) all.push_back({label_tag, base::as_bytes(these.label)});
    if (!these.trace.empty()) {
        trace = bytes_of(these.trace);
        all.push_back({trace_tag, trace});
    }
    std::array<std::byte, credit_bytes> credit;
    if (these.stream) {
        credit = bytes_of(*these.stream);
        all.push_back({stream_credit_tag, credit});
    }
    if (these.nested) all.push_back({nested_tag, {}});
    base::buffer bytes;
    encode_extensions(bytes, all);
    return bytes;
}

std::optional<call_extensions> decode_call_extensions(base::byte_view from, const limits& bounds) {
    extensions all;
    if (decode_extensions(from, bounds.extensions_max, &all)) return std::nullopt;
    call_extensions read;
    if (const auto left = find(all, time_left_tag)) {
        if (left->size() != sizeof(std::uint64_t)) return std::nullopt;
        read.time_left = time_of(load<std::uint64_t>(left->data()));
    }
    if (const auto label = find(all, label_tag)) {
        read.label = {reinterpret_cast<const char*>(label->data()), label->size()};
        if (!good_name(read.label, bounds.name_bytes_max)) return std::nullopt;
    }
    if (const auto trace = find(all, trace_tag)) {
        if (trace->size() != trace_bytes) return std::nullopt;
        read.trace = trace_of(*trace);
        if (read.trace.empty()) return std::nullopt;
    }
    if (const auto credit = find(all, stream_credit_tag)) {
        if (credit->size() != credit_bytes) return std::nullopt;
        read.stream = credit_of(*credit);
    }
    read.nested = find(all, nested_tag).has_value();
    return read;
}

}  // namespace maus::wire
