// Options and suppressions of the sanitizers, linked into every program and test of the presets
// dev, tsan and fuzz.
//
// Compiled in, and not in environment variables, so that they also hold for a program that is
// started by hand or by a test. The variables (ASAN_OPTIONS and so on) still have the last word.

extern "C" {

// The runtimes look these functions up by name; there is no header that declares them.
const char* __asan_default_options();
const char* __ubsan_default_options();
const char* __tsan_default_options();
const char* __tsan_default_suppressions();

const char* __asan_default_options() {
    return "detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1"
           ":check_initialization_order=1";
}

const char* __ubsan_default_options() { return "print_stacktrace=1"; }

const char* __tsan_default_options() { return "second_deadlock_stack=1"; }

const char* __tsan_default_suppressions() {
    // libzmq comes from the system and is not instrumented: ThreadSanitizer sees its memory through
    // malloc and memcpy, but not the atomics that put those accesses in order.
    // So with libstdc++ and the count of references to an exception: who lets go of it last frees it.
    return "called_from_lib:libzmq.so\n"
           "race:std::__exception_ptr::exception_ptr::_M_release\n"
           // libzmq's descriptors come and go unseen, and their numbers are used again.
           "race_top:close\n";
}

}  // extern "C"
