// What a function on another thread shows to a test.
#pragma once

#include <mutex>
#include <utility>

namespace maus_test {

template <class T>
class shown {
public:
    void show(T value) {
        const std::lock_guard lock(guard_);
        value_ = std::move(value);
    }
    [[nodiscard]] T get() const {
        const std::lock_guard lock(guard_);
        return value_;
    }

private:
    mutable std::mutex guard_;
    T value_{};
};

}  // namespace maus_test
