// One connection of a hub, for the files that make up the hub.
#pragma once

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
    bool closed = false;  // its connection is gone; `down` follows after a full drain
    bool failed = false;  // given up while sending; `down` is on its way
    std::deque<core::send> queue;
    std::size_t queued_bytes = 0;
    intake reads;

    [[nodiscard]] bool takes() const { return !failed && !closed; }
};

}  // namespace maus::net
