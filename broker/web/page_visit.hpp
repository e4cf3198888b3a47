// What comes in over HTTP: pages and scripts, and the requests that become WebSockets.
#pragma once

#include "broker/web/byte_stream.hpp"
#include "broker/web/visitors.hpp"

namespace maus::web {

/// Serves it until it goes, or becomes a peer.
void serve_visitor(byte_stream stream, gateway_state& state);

}  // namespace maus::web
