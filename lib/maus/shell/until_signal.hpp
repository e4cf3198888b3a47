// SIGINT and SIGTERM, made into a call of a function in an ordinary thread.
//
// signal     | then
// -----------|---------------------------------------------------------------------
// the first  | each object that lives calls its function; the handlers are gone
// the second | it ends the process, as if nobody had ever caught it
//
// Whatever the masks of the program's threads are, the signals come to the thread that made the
// object: it has them unblocked while the object lives. A signal that the program ignores stays
// ignored. When the last object goes, the program has the handlers back that it had.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>

#include "maus/net/process.hpp"

namespace maus::shell {

class until_signal {
public:
    /// Throws maus::error (resource_exhausted): no thread, or more than 64 of these.
    explicit until_signal(std::function<void()> on_first);
    /// By the thread that made it. The function has returned then, or is never called.
    ~until_signal();
    until_signal(const until_signal&) = delete;
    until_signal& operator=(const until_signal&) = delete;

private:
    void wait();

    std::function<void()> on_first_;
    struct place;
    [[nodiscard]] static place& take_place();
    static void on_signal(int number);
    static void catch_signals();

    place& at_;
    std::atomic<bool> ending_{false};
    net::signal_mask before_{};
    std::thread thread_;
};

}  // namespace maus::shell
