// The plan by name: what `--set crashes=0` changes, and what `--shrink` may try to do without.
#pragma once

#include <string>
#include <vector>

#include "plan.hpp"

namespace maus::sim {

/// `name=value`, times in ms. False: there is no such name, or no such value.
[[nodiscard]] bool set(plan& in, const std::string& setting);
/// Settings that make the run smaller: without some kind of fault or work, or with half of it.
[[nodiscard]] std::vector<std::string> reductions(const plan& of);

}  // namespace maus::sim
