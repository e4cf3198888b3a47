// The plan by name: what `--set crashes=0` changes, and what `--shrink` may try to do without.
#pragma once

#include <string>
#include <vector>

#include "plan.hpp"

namespace maus::sim {

/// Each `name=value`, times in ms; what does not fit them is made to fit (a plan without parkservers
/// has only workers that come by themselves). What is wrong with them; nothing if they are right.
[[nodiscard]] std::string set(plan& in, const std::vector<std::string>& settings);
/// Settings that make the run smaller: without some kind of fault or work, or with half of it.
[[nodiscard]] std::vector<std::string> reductions(const plan& of);

}  // namespace maus::sim
