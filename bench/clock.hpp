#pragma once

#include <chrono>

namespace bench {

[[nodiscard]] inline double now_s() {
    using clock = std::chrono::steady_clock;
    return std::chrono::duration<double>(clock::now().time_since_epoch()).count();
}

}  // namespace bench
