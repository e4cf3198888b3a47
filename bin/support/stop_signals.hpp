// Ctrl-C, SIGTERM and SIGHUP, made into a call of a function in an ordinary thread.
//
//     maus::programs::stop_signals signals;                  // first thing in main
//     maus::worker worker;
//     const auto stopping = signals.on_stop([&] { worker.stop(); });
//     worker.run();
//
// The signals are blocked from here on in this thread and in all that it makes, so no handler ever
// interrupts anything. The first signal calls the function; the second ends the process at once, as
// if nobody had caught it. A signal that whoever started us wants ignored (nohup) stays ignored.
#pragma once

#include <csignal>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace maus::programs {

class stop_signals {
public:
    /// Blocks the signals. To be made before any thread is.
    stop_signals();
    stop_signals(const stop_signals&) = delete;
    stop_signals& operator=(const stop_signals&) = delete;
    ~stop_signals();

    /// While it lives, its function is called at the first signal (at once if that has come
    /// already), in a thread of its own. When it is gone, the function is over or never called.
    class subscription {
    public:
        subscription(stop_signals& of, std::function<void()> callback);
        subscription(const subscription&) = delete;
        subscription& operator=(const subscription&) = delete;
        ~subscription();

    private:
        stop_signals& of_;
    };
    /// One at a time.
    [[nodiscard]] subscription on_stop(std::function<void()> callback) {
        return subscription(*this, std::move(callback));
    }

    [[nodiscard]] bool asked() const { return asked_; }
    /// Waits for the first signal. False: it has not come in that time.
    bool wait_for(std::chrono::milliseconds time);
    void wait();

private:
    void read_signals();
    void call_back();

    sigset_t caught_{};
    int signal_fd_ = -1;
    int end_fd_ = -1;
    std::atomic<bool> asked_{false};
    std::mutex guard_;
    std::condition_variable changed_;
    std::function<void()> callback_;
    bool calling_ = false;
    bool ending_ = false;
    std::thread reader_;
    std::thread caller_;
};

}  // namespace maus::programs
