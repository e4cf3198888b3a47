// Threads that go on with something for a function that has returned.
#pragma once

#include <list>
#include <mutex>
#include <thread>
#include <utility>

namespace maus_test {

/// Threads that complete calls later; joined at the end.
class aides {
public:
    ~aides() {
        for (auto& each : all_) each.join();
    }
    template <class What>
    void run(What what) {
        const std::lock_guard lock(guard_);
        all_.emplace_back(std::move(what));
    }

private:
    std::mutex guard_;
    std::list<std::thread> all_;
};

}  // namespace maus_test
