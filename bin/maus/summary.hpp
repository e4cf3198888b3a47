// What text and JSON both say about a status.
#pragma once

#include <chrono>
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
/// "4", "all", "2 to 8", "2 or more"
[[nodiscard]] std::string wanted_text(const parkserver_status::request& request);

/// Why requests wait, by what a status says of all. It is made once for a status.
class reasons {
public:
    explicit reasons(const parkserver_status& now);
    /// "wants 4 of type gpu: 3 free, 2 held by elastic managers above their minimum"; empty: it does
    /// not wait.
    [[nodiscard]] std::string of(const parkserver_status::request& waiting) const;

private:
    struct of_type {
        std::size_t free = 0;
        std::size_t above_min = 0;  // that elastic requests have beyond their min
        std::size_t waiting = 0;
        std::chrono::milliseconds oldest{-1};  // of those that wait
    };
    std::map<std::string, of_type> types_;
};

}  // namespace maus::cli
