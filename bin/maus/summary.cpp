#include "bin/maus/summary.hpp"

#include <algorithm>

namespace maus::cli {

bool is_waiting(const parkserver_status::request& request) {
    return request.serving < std::max(request.amount, 1u);
}

std::vector<function_row> functions_of(const parkserver_status& now, const std::string& type) {
    std::map<std::string, std::map<std::string, std::size_t>> found;
    for (const auto& worker : now.workers) {
        if (!type.empty() && worker.type != type) continue;
        for (const auto& each : worker.functions) ++found[each][worker.type];
    }
    std::vector<function_row> rows;
    for (auto& [signature, types] : found) {
        rows.push_back({signature.substr(0, signature.find('(')), signature, std::move(types)});
    }
    return rows;
}

}  // namespace maus::cli
