// How much memory a piece of code asks for, counted by AddressSanitizer's hooks.
#pragma once

#include <cstddef>

// Of the sanitizers' runtimes, both GCC's and clang's; Debian's GCC lacks the header that declares it.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void*,
                                                                             std::size_t),
                                                         void (*free_hook)(const volatile void*));

namespace fuzz {

/// Counts from its making on.
class allocations {
public:
    allocations() {
        static const int installed = __sanitizer_install_malloc_and_free_hooks(
            [](const volatile void*, std::size_t size) { total += size; },
            [](const volatile void*) {});
        (void)installed;
        from_ = total;
    }
    /// All that was asked for, though it may be free again.
    [[nodiscard]] std::size_t bytes() const { return total - from_; }

private:
    static inline std::size_t total = 0;
    std::size_t from_;
};

}  // namespace fuzz
