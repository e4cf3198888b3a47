// What this process and its threads are called.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace maus::net {

[[nodiscard]] std::string host_name();
[[nodiscard]] std::uint32_t process_id();
/// A thread that leaves signals to the program's own threads. Throws maus::error
/// (resource_exhausted) if the system allows none.
[[nodiscard]] std::thread spawn(std::function<void()> body);

}  // namespace maus::net
