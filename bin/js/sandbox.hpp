// What maus-js may do once it runs the code of others: compute, and answer over one socket.
#pragma once

#include <cstddef>
#include <cstdint>

namespace maus::js {

/// Before the engine is made: how deep its stack may grow, and what of the process it is started by
/// comes to its end with that.
void limit_stack(std::size_t bytes);
/// After the engine is made, which reserves addresses by the gigabyte that count as memory here: so many
/// bytes more. Then the sandbox (seccomp): no files, no network, no other processes, none of which the
/// engine needs any more. Throws programs::failure if the system cannot do that.
void enter_sandbox(std::size_t memory_bytes, int socket);
/// So many seconds of the processor from now on; then the kernel ends the process.
void limit_cpu(std::uint32_t seconds);

}  // namespace maus::js
