// What state machines want sent, gathered into messages.
#include "maus/core/outbox.hpp"

#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"

using namespace maus;

namespace {

struct gathered {
    std::size_t records, frames;
    bool operator==(const gathered&) const = default;
};

// The messages in which calls with payloads of these sizes go out, in order.
std::vector<gathered> messages(const std::vector<std::size_t>& sizes, limits bounds = {}) {
    const base::settings settings{bounds, {}};
    core::outbox out(settings);
    core::link_address to{base::route{1}, {}, 0, 0};
    for (const auto size : sizes) {
        base::buffer payload{base::as_bytes(std::string(size, 'x'))};
        out.link(to, size).call({{1}, {1}}, 0, false, payload);
    }
    std::vector<gathered> made;
    for (const auto& each : out.effects()) {
        const auto& said = std::get<core::send>(each);
        made.push_back({said.records, said.message.frames()});
    }
    return made;
}

}  // namespace

TEST_CASE("records that are ready together travel together", "[outbox]") {
    CHECK(messages({1, 2, 3}) == std::vector<gathered>{{3, 1}});
    limits bounds;
    bounds.batch_records_max = 2;
    CHECK(messages({1, 2, 3}, bounds) == std::vector<gathered>{{2, 1}, {1, 1}});
    bounds = {};
    bounds.batch_bytes_max = 100;
    CHECK(messages({90, 1, 1}, bounds) == std::vector<gathered>{{1, 1}, {2, 1}});
}

TEST_CASE("a large payload travels alone: nothing small waits for it", "[outbox]") {
    const std::size_t large = limits{}.payload_apart_bytes;
    CHECK(messages({1, 2, large, large + 1, 3, 4}) ==
          std::vector<gathered>{{2, 1}, {1, 2}, {1, 2}, {2, 1}});
    CHECK(messages({large - 1}) == std::vector<gathered>{{1, 1}});
}
