// Endpoints and this machine: names become addresses, and addresses such as others can use.
// (What an endpoint looks like: base/endpoint.hpp.)
#pragma once

#include <string>

#include "maus/base/endpoint.hpp"

namespace maus::net {

/// Throws maus::error (invalid_argument) if it cannot be connected to, whoever is there.
void check_endpoint(const std::string& endpoint);
/// The endpoint to bind with a name looked up: "tcp://localhost:*" -> "tcp://127.0.0.1:*". libzmq
/// itself knows only the names of network interfaces. Throws maus::error (invalid_argument) that
/// says what is wrong with the endpoint. Waits for the look-up.
[[nodiscard]] base::endpoint resolve_to_bind(const std::string& endpoint);
/// The endpoint as workers on other machines can use it: a wildcard address becomes this machine's.
[[nodiscard]] std::string reachable(const std::string& endpoint);
/// The same for programs on this machine: a wildcard address becomes loopback's.
[[nodiscard]] std::string reachable_here(const std::string& endpoint);

}  // namespace maus::net
