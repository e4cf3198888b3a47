// What is known about the terminal, if there is one.
#pragma once

#include <cstddef>

namespace maus::programs {

[[nodiscard]] bool is_terminal(int fd);
/// Its width; 80 if it does not tell.
[[nodiscard]] std::size_t columns(int fd);
/// Whether it shows more than ASCII, as the locale says.
[[nodiscard]] bool shows_utf8();
/// Whether colours are welcome there (https://no-color.org).
[[nodiscard]] bool shows_colours(int fd);

}  // namespace maus::programs
