// What the benchmarks ask of the machine: a processor for all, descriptors, a folder.
#pragma once

#include <cstddef>
#include <string>

namespace bench {

/// This thread, and all threads and children that it makes from now on, on one processor ("one"), on
/// another one, if there is one ("other"), or wherever the kernel likes ("free").
void place(const std::string& pin);

/// Raises the soft limit of open files as far as it must be. Throws, with the way out, if the hard
/// limit is lower.
void need_descriptors(std::size_t count);

/// A new folder, taken away with what is in it by remove_scratch (and when the program ends).
[[nodiscard]] const std::string& scratch_folder();
void remove_scratch();
/// An ipc endpoint in it that nobody has used, or tcp on any port.
[[nodiscard]] std::string any_endpoint(const std::string& transport);

}  // namespace bench
