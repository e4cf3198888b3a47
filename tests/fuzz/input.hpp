// The bytes that a fuzzer made, read as decisions; and what a target demands.
//
// A short input reads as zeros from its end on, so that every byte string is a whole sequence of
// events. Nothing else decides: a target that is given the same bytes does the same.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "maus/base/buffer.hpp"

namespace fuzz {

class input {
public:
    input(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

    [[nodiscard]] bool empty() const { return at_ == end_; }
    [[nodiscard]] std::uint8_t byte() { return empty() ? std::uint8_t{0} : *at_++; }
    /// A number from 0 to `bound - 1` (256 at most).
    [[nodiscard]] std::size_t below(std::size_t bound) { return byte() % bound; }
    /// Mostly false, and false at the end of the input.
    [[nodiscard]] bool one_in(std::size_t bound) { return below(bound) == bound - 1; }
    template <class T, std::size_t Count>
    [[nodiscard]] const T& one_of(const T (&choices)[Count]) {
        return choices[below(Count)];
    }
    template <class Choices>
    [[nodiscard]] const auto& one_of(const Choices& choices) {
        return choices[below(choices.size())];
    }
    [[nodiscard]] maus::base::byte_view take(std::size_t count) {
        const auto there = static_cast<std::size_t>(end_ - at_);
        const std::uint8_t* from = at_;
        at_ += count < there ? count : there;
        return std::as_bytes(std::span{from, at_});
    }
    [[nodiscard]] maus::base::byte_view rest() {
        return take(static_cast<std::size_t>(end_ - at_));
    }

private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
};

/// Ends the process, which is what a fuzzer calls a crash.
inline void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: this does not hold: %s\n", what);
    std::abort();
}

}  // namespace fuzz
