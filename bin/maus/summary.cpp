#include "bin/maus/summary.hpp"

#include <algorithm>

#include "bin/support/text.hpp"
#include "maus/wire/message.hpp"

namespace maus::cli {

using programs::grouped;

namespace {
/// How many it waits for.
std::uint32_t missing_of(const parkserver_status::request& request) {
    const std::uint32_t wants = request.min != 0 ? request.min : std::max(request.amount, 1u);
    return wants - std::min(wants, request.serving);
}
}  // namespace

bool is_waiting(const parkserver_status::request& request) { return missing_of(request) > 0; }

std::string wanted_text(const parkserver_status::request& request) {
    if (request.min == 0) return request.amount == 0 ? "all" : grouped(request.amount);
    if (request.max == 0) return grouped(request.min) + " or more";
    return grouped(request.min) + " to " + grouped(request.max);
}

reasons::reasons(const parkserver_status& now) {
    for (const auto& each : now.workers) {
        if (each.state == worker_state::available) ++types_[each.type].free;
    }
    for (const auto& each : now.requests) {
        of_type& its = types_[each.type];
        if (each.min != 0) its.above_min += each.serving - std::min(each.serving, each.min);
        if (!is_waiting(each)) continue;
        ++its.waiting;
        its.oldest = std::max(its.oldest, each.age);
    }
}

std::string reasons::of(const parkserver_status::request& waiting) const {
    const std::uint32_t missing = missing_of(waiting);
    if (missing == 0) return {};
    const of_type& its = types_.at(waiting.type);
    const bool has_some = waiting.serving != 0;
    std::string text = "wants " + grouped(missing) + (has_some ? " more" : "") + " of type " +
                       wire::printable(waiting.type, 200) + ": " + grouped(its.free) + " free";
    if (its.above_min != 0) {
        text += ", " + grouped(its.above_min) + " held by elastic managers above their minimum";
    }
    if (its.waiting > 1 && waiting.age < its.oldest) text += "; an older request comes first";
    return text;
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
