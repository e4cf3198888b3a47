#include "maus/base/object_cache.hpp"

#include <array>
#include <new>

// The sanitizers are to see each piece come and go.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MAUS_KEEP_NO_PIECES
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MAUS_KEEP_NO_PIECES
#endif

namespace maus::base {

namespace {
constexpr std::align_val_t alignment{cache_line_bytes};

#ifndef MAUS_KEEP_NO_PIECES
struct piece {
    piece* next;
};
struct shelf {
    piece* top;
    std::size_t left;  // how many more may be laid there
};
// Without a constructor or a destructor: pieces may come back while a thread's objects are destroyed.
struct shelves {
    bool open, closed;
    std::array<shelf, cached_object_bytes_max / cache_line_bytes + 1>
        of;  // by size, in cache lines
};
thread_local constinit shelves mine{};

struct keeper {
    ~keeper() {
        mine.closed = true;
        for (auto& each : mine.of) {
            while (each.top != nullptr) {
                piece* const old = each.top;
                each.top = old->next;
                ::operator delete(old, alignment);
            }
            each.left = 0;
        }
    }
};

// Not called twice by one thread.
bool open() {
    if (mine.closed) return false;
    thread_local keeper clears;
    (void)&clears;
    mine.open = true;
    for (auto& each : mine.of) each.left = cached_objects_max;
    return true;
}
#endif

constexpr std::size_t lines(std::size_t bytes) {
    return (bytes + cache_line_bytes - 1) / cache_line_bytes;
}
}  // namespace

void* take_object(std::size_t bytes) {
#ifndef MAUS_KEEP_NO_PIECES
    if (bytes <= cached_object_bytes_max) {
        shelf& at = mine.of[lines(bytes)];
        if (piece* const found = at.top; found != nullptr) {
            at.top = found->next;
            ++at.left;
            return found;
        }
    }
#endif
    return ::operator new(lines(bytes) * cache_line_bytes, alignment);
}

void give_object(void* given, [[maybe_unused]] std::size_t bytes) noexcept {
#ifndef MAUS_KEEP_NO_PIECES
    if (bytes <= cached_object_bytes_max && (mine.open || open())) {
        shelf& at = mine.of[lines(bytes)];
        if (at.left != 0) {
            --at.left;
            at.top = new (given) piece{at.top};
            return;
        }
    }
#endif
    ::operator delete(given, alignment);
}

}  // namespace maus::base
