// Assertions, on in release builds too: a state machine that contradicts itself must not go on.
//
// They are for our own bugs only, never for what a peer or a caller does: that gets an error.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace maus::base {

[[noreturn, gnu::cold, gnu::noinline]] inline void assertion_failed(const char* text,
                                                                    const char* file, int line) {
    std::fprintf(stderr, "maus: this is a bug: %s (%s:%d)\n", text, file, line);
    std::abort();
}

}  // namespace maus::base

#define MAUS_ASSERT(condition, text) \
    ((condition) ? void() : ::maus::base::assertion_failed(text, __FILE__, __LINE__))
