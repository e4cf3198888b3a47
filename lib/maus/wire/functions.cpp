#include "maus/wire/functions.hpp"

#include <algorithm>
#include <iterator>

#include "maus/base/assert.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/signature.hpp"

namespace maus::wire {

namespace {
auto first_dynamic(const std::vector<std::string>& all) {
    return std::find_if(all.begin(), all.end(),
                        [](const std::string& each) { return is_dynamic(each); });
}
}  // namespace

void without_streams(std::vector<std::string>& all) {
    for (auto& each : all) {
        if (is_stream(each)) each.clear();
    }
}

std::vector<std::string> plain_functions(const std::vector<std::string>& all) {
    return {all.begin(), first_dynamic(all)};
}

extensions dynamic_functions(const std::vector<std::string>& all, base::buffer& room) {
    const std::vector<std::string> dynamic(first_dynamic(all), all.end());
    if (dynamic.empty()) return {};
    MAUS_ASSERT(std::all_of(dynamic.begin(), dynamic.end(),
                            [](const std::string& each) { return is_dynamic(each); }),
                "dynamic functions come behind the others");
    encode(room, dynamic);
    return {{dynamic_functions_tag, room.view()}};
}

std::optional<base::failure> add_dynamic_functions(const extensions& from, const limits& bounds,
                                                   std::vector<std::string>& to) {
    const auto bytes = find(from, dynamic_functions_tag);
    if (!bytes) return std::nullopt;
    std::vector<std::string> more;
    if (auto bad = decode_into(*bytes, more)) {
        return base::failure{errc::protocol_violation, "dynamic functions: " + bad->message};
    }
    if (more.size() > bounds.functions_max - std::min(to.size(), bounds.functions_max)) {
        return base::failure{errc::too_large, "more functions than functions_max"};
    }
    if (auto bad = check_signatures(more, bounds, true)) return bad;
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return std::nullopt;
}

}  // namespace maus::wire
