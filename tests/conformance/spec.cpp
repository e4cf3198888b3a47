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

attempt attempt_of(const record& from) { return decoded<attempt>(from.body.substr(0, 12)); }

bytes payload_of(const record& from) { return from.apart ? *from.apart : from.body.substr(12); }

frames relayed(const lease& over, frames link) {
    link.insert(link.begin(), header(on_relay) + encoded(over));
    return link;
}

}  // namespace spec
