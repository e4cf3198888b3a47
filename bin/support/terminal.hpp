// What is known about where the output goes: a terminal, or a pipe.
#pragma once

#include <cstddef>

namespace maus::programs {

[[nodiscard]] bool is_terminal(int fd);
/// It is a pipe or a socket, and nobody will read what is written.
[[nodiscard]] bool reader_went(int fd);
/// The terminal's width; 80 if it does not tell.
[[nodiscard]] std::size_t columns(int fd);
/// Whether it shows more than ASCII, as the locale says.
[[nodiscard]] bool shows_utf8();
/// Whether colours are welcome there (https://no-color.org).
[[nodiscard]] bool shows_colours(int fd);

}  // namespace maus::programs
