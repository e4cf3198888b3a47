// A peer that speaks PROTOCOL.md, section 2.1, over a raw WebSocket, and may say whatever a test wants.
#pragma once

#include "peers.hpp"
#include "support/real_gateway.hpp"

namespace spec {

using maus_test::http_get;
using maus_test::real_gateway;
using maus_test::role;
using maus_test::web_socket;

/// [P-121] A message's frames, each behind its length.
inline bytes packed(const frames& message) {
    writer to;
    for (const auto& each : message) to(each);  // as a string: u32 count, then the bytes
    return to.out;
}
inline frames unpacked(const bytes& binary) {
    reader from(binary);
    frames made;
    while (from.left() != 0) from(made.emplace_back());
    return made;
}

class web_peer final : public channel {
public:
    web_peer(const real_gateway& at, role as) : socket_(at.join(as)) {}
    void send(const frames& message) override {
        (void)socket_.send(web_socket::binary, packed(message));
    }
    web_socket& raw() { return socket_; }

private:
    std::optional<frames> read(std::chrono::milliseconds wait) override {
        const auto got = socket_.next(wait);
        if (!got) return std::nullopt;
        if (got->opcode != web_socket::binary) {
            throw std::runtime_error("a WebSocket said something else than a message: opcode " +
                                     std::to_string(got->opcode));
        }
        return unpacked(got->data);
    }
    web_socket socket_;
};

}  // namespace spec
