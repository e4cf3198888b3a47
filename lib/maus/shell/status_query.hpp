// Asks a parkserver what it knows, with a socket that lives as long as the question.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "maus/base/time.hpp"
#include "maus/status.hpp"
#include "maus/wire/control.hpp"

namespace maus::shell {

/// Waits for the answer. Throws as maus::fetch_status() does.
[[nodiscard]] wire::status query_status(const std::string& endpoint, base::duration timeout,
                                        std::stop_token stop);
/// The answer without the types of the wire.
[[nodiscard]] parkserver_status public_status(wire::status&& answer);

}  // namespace maus::shell
