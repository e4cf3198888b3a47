// What this process and its threads are called.
#pragma once

#include <signal.h>

#include <functional>
#include <string>
#include <thread>

namespace maus::net {

[[nodiscard]] std::string host_name();
[[nodiscard]] std::uint32_t process_id();
/// Which signals a thread blocks.
using signal_mask = sigset_t;
/// That of the calling thread.
[[nodiscard]] signal_mask current_mask();

/// A thread that runs nothing of the program's, and leaves signals to the program's own threads. It
/// blocks all but those that a fault raises in the thread that is at fault: the kernel ends a process
/// where such a one is blocked, whatever handler there is. Throws maus::error (resource_exhausted) if
/// the system allows none.
[[nodiscard]] std::thread spawn(std::function<void()> body);
/// A thread that runs functions or callbacks of the program: with a mask of the program's, which the
/// processes that they start inherit.
[[nodiscard]] std::thread spawn(std::function<void()> body, const signal_mask& mask);

}  // namespace maus::net
