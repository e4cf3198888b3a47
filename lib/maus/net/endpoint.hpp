// What endpoints look like, and which of them others can use.
#pragma once

#include <string>

namespace maus::net {

/// Throws maus::error (protocol_violation) at what is neither tcp:// nor ipc://.
void check_endpoint(const std::string& endpoint);
/// The endpoint as workers on other machines can use it: a wildcard address becomes this machine's.
[[nodiscard]] std::string reachable(const std::string& endpoint);

}  // namespace maus::net
