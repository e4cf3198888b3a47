#include "maus/script.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "maus/base/sha256.hpp"

namespace maus {

namespace {
constexpr std::string_view javascript = "javascript";

base::script_id id_of(std::string_view language, std::string_view text) {
    std::string named(language);
    named += '\0';
    named += text;
    const auto hash = base::sha256(named);
    base::script_id made;
    std::copy_n(hash.begin(), made.bytes.size(), made.bytes.begin());
    return made;
}
}  // namespace

script::script(std::string text)
    : source_(std::make_shared<const detail::script_source>(detail::script_source{
          id_of(javascript, text), std::string(javascript), std::move(text)})) {}

namespace detail {

void script_list::add(const std::shared_ptr<const script_source>& one) {
    const bool is_there =
        std::any_of(all.begin(), all.end(), [&](const auto& each) { return each->id == one->id; });
    if (!is_there) all.push_back(one);
}

std::size_t script_list::bytes() const {
    std::size_t sum = 0;
    for (const auto& each : all) sum += each->text.size() + script_overhead;
    return sum;
}

}  // namespace detail

}  // namespace maus
