// One connection of a hub, for the files that make up the hub.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>

#include "maus/net/hub.hpp"

namespace maus::net {

struct hub::connection {
    base::route at;
    std::unique_ptr<socket> dealer;  // of its own; else it is a peer of the ROUTER
    std::string routing_id;
    int fd = -1;
    bool closed = false;     // its connection is gone; `down` follows after a full drain
    bool failed = false;     // given up; `down` is on its way
    bool spoken_to = false;  // something was sent to it
    base::instant parted =
        base::never;               // when the machine closed a ROUTER's peer: it was told to go
    std::size_t heard_parted = 0;  // messages since then
    std::uint8_t heard = 0;        // since the last look: a bit for each channel, and:
    static constexpr std::uint8_t heard_payload = 1u << 4;  // one of several frames
    std::uint8_t speaks = 0;                                // ever
    std::size_t oversized = 0;                              // messages with too many frames
    std::size_t frames_skipped = 0;                         // of those
    std::deque<core::send> queue;
    std::size_t queued_bytes = 0;  // with what they cost beside themselves
    byte_count handed_over;        // large frames that libzmq has; none: never
    intake reads;

    transfer coming;  // a DEALER's; those of the ROUTER's peers are by descriptor

    [[nodiscard]] std::size_t bytes_handed_over() const {
        return handed_over ? handed_over->load(std::memory_order_relaxed) : 0;
    }
    [[nodiscard]] bool takes() const { return !failed && !closed; }
    /// One OR for each message that comes.
    void hears(const wire::message& message) {
        const auto channel = message.first.size() < wire::header_bytes
                                 ? 0u
                                 : static_cast<unsigned>(message.first.data()[4]) & 3;
        heard = static_cast<std::uint8_t>(heard | 1u << channel);
        if (!message.rest.empty()) heard |= heard_payload;
    }
};

}  // namespace maus::net
