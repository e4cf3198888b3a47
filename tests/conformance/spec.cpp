#include "spec.hpp"

#include <atomic>
#include <random>

namespace spec {

id fresh_id() {
    static std::random_device device;
    static std::mt19937_64 random{device()};  // each test process has one thread that asks
    id made;
    const u64 halves[2] = {random(), random() | 1};
    std::memcpy(made.raw.data(), halves, sizeof halves);
    return made;
}

std::string hex(const bytes& what) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (const char c : what) {
        text += digits[static_cast<unsigned char>(c) >> 4];
        text += digits[static_cast<unsigned char>(c) & 15];
    }
    return text;
}

frames link_message(const std::vector<record>& records) {
    frames made{header(on_link)};
    for (const auto& each : records) {
        writer head;
        head(static_cast<u32>(each.body.size()), each.type, each.flags, each.function);
        made.front() += head.out + each.body;
        if (each.apart) made.push_back(*each.apart);
    }
    return made;
}

std::vector<record> read_link_message(const frames& message) {
    if (message.empty() || !message.front().starts_with(header(on_link))) {
        throw std::runtime_error("spec: not a link message: " +
                                 (message.empty() ? "" : hex(message.front())));
    }
    reader in(message.front().substr(8));
    std::vector<record> records;
    std::size_t apart = 1;
    while (in.left() != 0) {
        record each;
        u32 length = 0;
        in(length, each.type, each.flags, each.function);
        each.body = in.take(length);
        if ((each.flags & flag_apart) != 0) each.apart = message.at(apart++);
        records.push_back(std::move(each));
    }
    if (apart != message.size()) throw std::runtime_error("spec: a frame without a record");
    return records;
}

namespace {
struct u32_field {
    u32 value = 0;
    void fields(auto& io) { io(value); }
};
}  // namespace

attempt attempt_of(const record& from) { return decoded<attempt>(from.body.substr(0, 12)); }

bytes payload_of(const record& from) {
    if (from.apart) return *from.apart;
    if ((from.flags & flag_extended) == 0) return from.body.substr(12);
    return from.body.substr(16 + decoded<u32_field>(from.body.substr(12, 4)).value);
}

record with_extensions(record plain, const bytes& extensions) {
    plain.flags |= flag_extended;
    plain.body.insert(12, payload(static_cast<u32>(extensions.size())) + extensions);
    return plain;
}

namespace {
// A tag that may be assigned one day, twice, and one for experiments.
bytes unknown_extensions() {
    return extension(7, "first") + extension(7, "second") + extension(40000, bytes(300, '\7'));
}

frames future_control(frames message) {
    message[0] += unknown_extensions();
    return message;
}

// A link may begin with records that are skipped; those that are answered come behind its own. All
// have flags that may change the layout of what nobody knows, and flags that never do.
frames future_link(const frames& message) {
    std::vector<record> records{{skipped_type, 0x0F | flag_apart, 77, "?", bytes("a frame")}};
    for (auto& each : read_link_message(message)) {
        const bool carries = each.type == r_call || each.type == r_result;
        if (carries) each = with_extensions(std::move(each), unknown_extensions());
        if (each.type == r_hello || each.type == r_welcome) each.body += unknown_extensions();
        each.flags |= 0xF0;
        records.push_back(std::move(each));
    }
    records.push_back({answered_type, 0x0E, 9, bytes(3, '\1'), {}});
    return link_message(records);
}
}  // namespace

std::vector<frames> from_the_future(const frames& message) {
    if (message[0].starts_with(header(on_control).substr(0, 5))) {
        return {future_control({header(on_control, skipped_type) + "?"}),
                future_control({header(on_control, answered_type)}), future_control(message)};
    }
    if (message[0].starts_with(header(on_link))) return {future_link(message)};
    frames inside = future_link({message.begin() + 1, message.end()});
    inside.insert(inside.begin(), message[0] + unknown_extensions());
    return {inside};
}

frames relayed(const lease& over, frames link) {
    link.insert(link.begin(), header(on_relay) + encoded(over));
    return link;
}

}  // namespace spec
