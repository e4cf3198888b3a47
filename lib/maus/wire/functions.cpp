#include "maus/wire/functions.hpp"

#include <algorithm>
#include <iterator>

#include "maus/base/assert.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/signature.hpp"

namespace maus::wire {

namespace {
auto first_not(function_kind kind, const std::vector<std::string>& all,
               std::vector<std::string>::const_iterator from) {
    return std::find_if(from, all.end(),
                        [kind](const std::string& each) { return kind_of(each) != kind; });
}

void tell(std::uint16_t tag, std::vector<std::string> some, base::buffer& room, extensions& to) {
    if (some.empty()) return;
    encode(room, some);
    to.push_back({tag, room.view()});
}

std::optional<base::failure> add(const extensions& from, std::uint16_t tag, function_kind kind,
                                 const limits& bounds, std::vector<std::string>& to) {
    const auto bytes = find(from, tag);
    if (!bytes) return std::nullopt;
    std::vector<std::string> more;
    if (auto bad = decode_into(*bytes, more)) {
        return base::failure{errc::protocol_violation, "functions: " + bad->message};
    }
    if (more.size() > bounds.functions_max - std::min(to.size(), bounds.functions_max)) {
        return base::failure{errc::too_large, "more functions than functions_max"};
    }
    if (auto bad = check_signatures(more, bounds, kind)) return bad;
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return std::nullopt;
}
}  // namespace

void without_streams(std::vector<std::string>& all) {
    for (auto& each : all) {
        if (is_stream(each)) each.clear();
    }
}

std::vector<std::string> plain_functions(const std::vector<std::string>& all) {
    return {all.begin(), first_not(function_kind::plain, all, all.begin())};
}

more_functions::more_functions(const std::vector<std::string>& all) {
    const auto dynamic = first_not(function_kind::plain, all, all.begin());
    const auto with_references = first_not(function_kind::dynamic, all, dynamic);
    MAUS_ASSERT(first_not(function_kind::with_references, all, with_references) == all.end(),
                "functions stand in the order in which they are told");
    tell(dynamic_functions_tag, {dynamic, with_references}, dynamic_, all_);
    tell(reference_functions_tag, {with_references, all.end()}, with_references_, all_);
}

std::optional<base::failure> add_more_functions(const extensions& from, const limits& bounds,
                                                std::vector<std::string>& to) {
    if (auto bad = add(from, dynamic_functions_tag, function_kind::dynamic, bounds, to)) return bad;
    return add(from, reference_functions_tag, function_kind::with_references, bounds, to);
}

}  // namespace maus::wire
