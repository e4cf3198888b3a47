#include "maus/wire/script_helper.hpp"

#include <limits>
#include <utility>

#include "maus/wire/archive.hpp"
#include "maus/wire/number.hpp"

namespace maus::wire::helper {

namespace {

enum class type : std::uint8_t {
    text = 1,
    forget = 2,
    run = 3,
    ready = 64,
    broken = 65,
    value = 66,
    threw = 67,
    no_value = 68,
};
constexpr std::size_t head_bytes = 5;

void begin(base::buffer& to, type of, std::size_t body) {
    std::byte head[head_bytes];
    store(head, static_cast<std::uint32_t>(body));
    head[4] = static_cast<std::byte>(of);
    to.append({head, head_bytes});
}

template <class Body>
void add_as(base::buffer& to, type of, const Body& body, base::byte_view more = {}) {
    base::buffer bytes;
    encode(bytes, body);
    begin(to, of, bytes.size() + more.size());
    to.append(bytes.view());
    to.append(more);
}

struct run_head {
    std::uint64_t id = 0;
    std::uint32_t text = 0;
    std::uint32_t cpu_seconds = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(id, text, cpu_seconds);
    }
};

base::failure bad(const char* why) { return {errc::protocol_violation, why}; }

template <class To, class Body>
base::result<To> decoded_as(base::byte_view body) {
    auto read = decode<Body>(body);
    if (!read) return read.why();
    return To{std::get<0>(std::move(read).value())};
}

}  // namespace

void add(base::buffer& to, const text& message) { add_as(to, type::text, message); }
void add(base::buffer& to, const forget& message) { add_as(to, type::forget, message); }
void add_run(base::buffer& to, const run& head, base::byte_view arguments) {
    add_as(to, type::run, run_head{head.id, head.text, head.cpu_seconds}, arguments);
}

void add(base::buffer& to, const answer& message) {
    if (const auto* given = std::get_if<value>(&message)) {
        return add_as(to, type::value, given->run, given->encoded.view());
    }
    if (const auto* of = std::get_if<ready>(&message)) return add_as(to, type::ready, *of);
    if (const auto* of = std::get_if<broken>(&message)) return add_as(to, type::broken, *of);
    if (const auto* of = std::get_if<threw>(&message)) return add_as(to, type::threw, *of);
    add_as(to, type::no_value, std::get<no_value>(message));
}

std::optional<std::size_t> message_bytes(base::byte_view front) {
    if (front.size() < sizeof(std::uint32_t)) return std::nullopt;
    return head_bytes + load<std::uint32_t>(front.data());
}

base::result<request> decode_request(base::byte_view message) {
    if (message.size() < head_bytes) return bad("a request is shorter than its head");
    base::byte_view body = message.subspan(head_bytes);
    switch (static_cast<type>(message[4])) {
        case type::text: return decoded_as<request, text>(body);
        case type::forget: return decoded_as<request, forget>(body);
        case type::run: {
            run_head head;
            if (auto why = decode_front(body, head)) return *std::move(why);
            run read{head.id, head.text, head.cpu_seconds, {}};
            if (auto why = decode_into(body, read.arguments)) return *std::move(why);
            return request{std::move(read)};
        }
        default: return bad("a request of an unknown type");
    }
}

base::result<answer> decode_answer(base::byte_view message) {
    if (message.size() < head_bytes) return bad("an answer is shorter than its head");
    base::byte_view body = message.subspan(head_bytes);
    switch (static_cast<type>(message[4])) {
        case type::ready: return decoded_as<answer, ready>(body);
        case type::broken: return decoded_as<answer, broken>(body);
        case type::threw: return decoded_as<answer, threw>(body);
        case type::no_value: return decoded_as<answer, no_value>(body);
        case type::value: {
            value read;
            if (auto why = decode_front(body, read.run)) return *std::move(why);
            read.encoded.append(body);
            return answer{std::move(read)};
        }
        default: return bad("an answer of an unknown type");
    }
}

}  // namespace maus::wire::helper
