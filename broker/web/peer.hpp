// One WebSocket: carries out what its session decides (core/session.hpp).
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>

#include "broker/web/byte_stream.hpp"
#include "broker/web/visitors.hpp"

namespace maus::web {

/// Takes the connection over, with the request that asked for it, and the visitor's number. `began`: when
/// its time until the token began.
void serve_peer(byte_stream stream, const beast::http::request<beast::http::empty_body>& request,
                gateway_state& state, visitors::number number, base::instant began);

}  // namespace maus::web
