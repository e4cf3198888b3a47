// What a parkserver knows, for those who watch it.
//
//     auto now = maus::fetch_status("tcp://127.0.0.1:8500", std::chrono::seconds{2});
//     for (const auto& worker : now.workers) std::cout << worker.type << '\n';
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "maus/wire/control.hpp"

namespace maus {

/// The picture at one moment; its fields are those of PROTOCOL.md, section 5.5.
using parkserver_status = wire::status;

/// Asks the parkserver at `endpoint`. Throws maus::error: deadline_exceeded if it does not answer
/// in `patience`, cancelled soon after `stop` is requested, protocol_violation if the endpoint is
/// none or what answers is no parkserver, version_mismatch if it speaks another version. Waits;
/// thread-safe.
[[nodiscard]] parkserver_status fetch_status(const std::string& endpoint,
                                             std::chrono::milliseconds patience,
                                             std::stop_token stop = {});

}  // namespace maus
