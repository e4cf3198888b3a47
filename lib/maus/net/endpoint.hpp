// What endpoints look like, and which of them others can use.
#pragma once

#include <string>

namespace maus::net {

/// What is wrong with it and what to write instead; empty if nothing is.
[[nodiscard]] std::string endpoint_problem(const std::string& endpoint);
/// Throws maus::error (protocol_violation) if something is.
void check_endpoint(const std::string& endpoint);
/// The endpoint as workers on other machines can use it: a wildcard address becomes this machine's.
[[nodiscard]] std::string reachable(const std::string& endpoint);

}  // namespace maus::net
