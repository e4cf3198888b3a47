// Elastic requests: between how many workers they want (PROTOCOL.md, section 5.7).
//
// An extension of `request`, sent where both sides have the feature `elastic`; and one of a status in
// pages, which tells the same of the requests among its rows. What follows the fields that are known
// here is for later and is skipped.
#pragma once

#include <optional>
#include <vector>

#include "maus/base/id.hpp"
#include "maus/base/result.hpp"
#include "maus/wire/extension.hpp"

namespace maus::wire {

struct elastic {
    std::uint32_t min = 1;  ///< at least 1: with less it waits
    std::uint32_t max = 0;  ///< 0: no bound
    template <class Archive>
    void serialize(Archive& archive) {
        archive(min, max);
    }
    friend bool operator==(const elastic&, const elastic&) = default;
};

/// How an elastic request stands, in a status.
struct elastic_status {
    base::manager_id manager;
    base::request_id request;
    elastic range;
    std::uint32_t share = 0;  ///< how many it is to have at the moment; 0: it waits for its min
    template <class Archive>
    void serialize(Archive& archive) {
        archive(manager, request, range, share);
    }
};

/// What a request's extensions say; nothing: it is exact. A range that cannot be is a
/// protocol_violation.
[[nodiscard]] base::result<std::optional<elastic>> elastic_in(const extensions& among);
/// What those of a status say; what is unreadable is as if it were not there.
[[nodiscard]] std::vector<elastic_status> elastic_rows_in(const extensions& among);

}  // namespace maus::wire
