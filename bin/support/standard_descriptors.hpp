// Who starts a program may close its stdin, stdout or stderr (`<&-`). What it opens next then has that
// number, is read as stdin, and is written to as stderr.
#pragma once

namespace maus::programs {

/// Opens /dev/null in place of each that is closed, such that reading stdin and writing the others fail
/// as they did. Before anything else is opened.
void reserve_standard_descriptors();

}  // namespace maus::programs
