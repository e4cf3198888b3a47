// Callbacks: one worker's function calls a callable of its manager's (maus/function.hpp); beside ordinary
// calls between the same two processes.
#pragma once

#include <string>
#include <vector>

#include "bench/child.hpp"
#include "bench/figure.hpp"

namespace bench {

struct callbacks_setting {
    std::string transport = "tcp";
    std::size_t window = 1000;  // outstanding at a time
};
[[nodiscard]] std::string name_of(const callbacks_setting& what);

/// per_s, cpu_s_per_million: of callbacks, beside calls. Both take and give 8 B.
[[nodiscard]] std::vector<figure> measure_callbacks(const callbacks_setting& what, const plan& how);

// The roles of the child processes.
void role_callbacks_manager(const words& arguments);
void role_callbacks_worker(const words& arguments);

}  // namespace bench
