// The end of a thread from within (pthread_exit), as it comes through `catch`.
//
// It unwinds the stack like an exception, and whoever catches it has to throw it again. There is no
// object to it: the reference that `catch (const abi::__forced_unwind&)` binds refers to nothing, which
// UndefinedBehaviorSanitizer would take for a mistake.
#pragma once

#include <cxxabi.h>

/// Of a function that has such a catch clause. (Inlined into another, it would be checked as a part of that.)
#define MAUS_CATCHES_FORCED_UNWIND __attribute__((no_sanitize("null"), noinline))
