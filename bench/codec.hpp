// How long values take to become bytes and bytes to become values.
#pragma once

#include <vector>

#include "bench/figure.hpp"

namespace bench {

/// codec.encode.WHAT and codec.decode.WHAT beside memcpy of as many bytes, and, as NAME.cereal,
/// beside cereal's portable_binary. Metrics: gb_per_s, ns.
[[nodiscard]] std::vector<figure> measure_codec(const plan& how);

}  // namespace bench
