#include "maus/wire/streams.hpp"

#include <utility>

namespace maus::wire {

namespace {
// Whether a payload is `count` items, each with its length.
bool is_sound(base::byte_view payload, std::uint32_t count) {
    if (count == 1) return true;
    // So the loop has no more turns than the payload has bytes for.
    if (count == 0 || payload.size() / item_length_bytes < count) return false;
    for (; count > 0; --count) {
        if (payload.size() < item_length_bytes) return false;
        const std::size_t length = load<std::uint32_t>(payload.data());
        payload = payload.subspan(item_length_bytes);
        if (length > payload.size()) return false;
        payload = payload.subspan(length);
    }
    return payload.empty();
}

void append(base::buffer& payload, base::byte_view item) {
    store(payload.extend(item_length_bytes), static_cast<std::uint32_t>(item.size()));
    payload.append(item);
}
}  // namespace

std::optional<items> take_items(const record& from) {
    base::byte_view body = from.body;
    const auto attempt = take_attempt(body);
    if (!attempt || body.size() < sizeof(std::uint32_t)) return std::nullopt;
    items taken;
    taken.of = *attempt;
    taken.count = load<std::uint32_t>(body.data());
    body = body.subspan(sizeof(std::uint32_t));
    if (from.apart == nullptr) {
        taken.payload.append(body);
    } else if (body.empty()) {
        taken.payload = std::move(*from.apart);
    } else {
        return std::nullopt;
    }
    if (!is_sound(taken.payload.view(), taken.count)) return std::nullopt;
    return taken;
}

void add_item(base::buffer& payload, std::uint32_t& count, base::buffer&& one) {
    if (count == 0) {
        payload = std::move(one);
    } else {
        if (count == 1) {  // it is not alone any more
            base::buffer alone = std::move(payload);
            payload = {};
            payload.reserve(4 * (alone.size() + one.size()));
            append(payload, alone.view());
        }
        append(payload, one.view());
    }
    ++count;
}

std::optional<more> decode_more(base::byte_view body) {
    const auto attempt = take_attempt(body);
    if (!attempt || body.size() != sizeof(std::uint32_t) + sizeof(std::uint64_t)) {
        return std::nullopt;
    }
    return more{*attempt, load<std::uint32_t>(body.data()),
                load<std::uint64_t>(body.data() + sizeof(std::uint32_t))};
}

}  // namespace maus::wire
