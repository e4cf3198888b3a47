#include "maus/wire/elastic.hpp"

#include "maus/wire/archive.hpp"
#include "maus/wire/types.hpp"

namespace maus::wire {

using base::failure;

base::result<std::optional<elastic>> elastic_in(const extensions& among) {
    auto bytes = find(among, elastic_tag);
    if (!bytes) return std::optional<elastic>{};
    elastic read;
    if (auto bad = decode_front(*bytes, read)) {
        return failure{errc::protocol_violation, "an elastic request without min and max"};
    }
    if (read.min == 0 || (read.max != 0 && read.max < read.min)) {
        return failure{errc::protocol_violation, "an elastic request for at least " +
                                                     std::to_string(read.min) + " and at most " +
                                                     std::to_string(read.max)};
    }
    return std::optional<elastic>{read};
}

std::vector<elastic_status> elastic_rows_in(const extensions& among) {
    auto bytes = find(among, elastic_tag);
    std::vector<elastic_status> rows;
    if (!bytes || decode_front(*bytes, rows)) return {};
    return rows;
}

}  // namespace maus::wire
