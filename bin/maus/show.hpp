// What a parkserver knows, as text for people and as JSON for programs.
#pragma once

#include <string>

#include <maus/status.hpp>
#include <nlohmann/json.hpp>

namespace maus::cli {

[[nodiscard]] std::string status_text(const parkserver_status& now, const std::string& endpoint);
[[nodiscard]] nlohmann::ordered_json status_json(const parkserver_status& now,
                                                 const std::string& endpoint);

/// Of workers of this type, or of all if it is empty.
[[nodiscard]] std::string functions_text(const parkserver_status& now, const std::string& endpoint,
                                         const std::string& type);
[[nodiscard]] nlohmann::ordered_json functions_json(const parkserver_status& now,
                                                    const std::string& type);

}  // namespace maus::cli
