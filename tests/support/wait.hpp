// Waiting for something to become true, with a bound. Tests never sleep to calm things down: they
// say what they wait for, and a test that waits in vain fails at the line that waited.
#pragma once

#include <chrono>
#include <thread>

namespace maus_test {

/// The one bound of all waits for something that has to come: far more than anything takes, even on a
/// machine that is busy with other things. Whatever comes ends its wait at once.
inline constexpr std::chrono::milliseconds patience = std::chrono::seconds{60};

/// Asks again and again until `condition()` is true. False: it was not, in all that time.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition, std::chrono::milliseconds bound = patience) {
    const auto end = std::chrono::steady_clock::now() + bound;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= end) return condition();
        std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    return true;
}

}  // namespace maus_test
