// Calls functions later, one after the other, in one thread of its own. For example_worker.cpp, in
// place of whatever your functions wait for: a database, a device, another service.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace example {

class alarm_clock {
public:
    alarm_clock() : thread_([this] { run(); }) {}
    alarm_clock(const alarm_clock&) = delete;
    alarm_clock& operator=(const alarm_clock&) = delete;
    /// What has not rung yet never does.
    ~alarm_clock() {
        {
            const std::lock_guard lock(guard_);
            ending_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    void after(std::chrono::milliseconds time, std::function<void()> ring) {
        {
            const std::lock_guard lock(guard_);
            alarms_.emplace(clock::now() + time, std::move(ring));
        }
        changed_.notify_all();
    }

private:
    using clock = std::chrono::steady_clock;

    void run() {
        std::unique_lock lock(guard_);
        while (!ending_) {
            if (alarms_.empty()) {
                changed_.wait(lock);
            } else if (const auto first = alarms_.begin()->first; clock::now() < first) {
                changed_.wait_until(lock, first);
            } else {
                const auto due = alarms_.extract(alarms_.begin());
                lock.unlock();
                due.mapped()();
                lock.lock();
            }
        }
    }

    std::mutex guard_;
    std::condition_variable changed_;
    std::multimap<clock::time_point, std::function<void()>> alarms_;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace example
