// What text and JSON both say about a status.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <maus/status.hpp>

namespace maus::cli {

/// One function: the same name with another signature is another one.
struct function_row {
    std::string name;
    std::string signature;
    std::map<std::string, std::size_t> workers_by_type;
};

/// Ordered by signature.
[[nodiscard]] std::vector<function_row> functions_of(const parkserver_status& now,
                                                     const std::string& type);
/// It has less than it wants.
[[nodiscard]] bool is_waiting(const parkserver_status::request& request);

}  // namespace maus::cli
