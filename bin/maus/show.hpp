// What a parkserver knows, as text for people and as JSON for programs.
#pragma once

#include <iosfwd>
#include <string>

#include <maus/status.hpp>

namespace maus::cli {

[[nodiscard]] std::string status_text(const parkserver_status& now, const std::string& endpoint);
/// `indent`: -1 for all on one line.
void write_status_json(std::ostream& to, const parkserver_status& now, const std::string& endpoint,
                       int indent);

/// Of workers of this type, or of all if it is empty.
[[nodiscard]] std::string functions_text(const parkserver_status& now, const std::string& endpoint,
                                         const std::string& type);
void write_functions_json(std::ostream& to, const parkserver_status& now, const std::string& type);

}  // namespace maus::cli
