// Finding primes: what the worker processes do, and what is sent to and fro for it.
//
// A call names a range of numbers, and its function gives the primes in it as it finds them, a stretch of
// numbers at a time: a stream (maus/stream.hpp). So nobody ever holds all of them. The manager
// adds up what comes. If a worker is lost in the midst of a range, another one begins that again, and
// the manager sees neither a gap nor a prime twice (call_options::replayable).
#pragma once

#include <cstdint>
#include <vector>

#include <maus/generator.hpp>
#include <maus/method.hpp>
#include <maus/stream.hpp>

#include "bin/demo/job.hpp"

namespace demo {

/// The largest number that is looked at.
inline constexpr std::uint64_t number_max = 10'000'000'000;

struct number_range {
    std::uint64_t from = 0;
    std::uint64_t to = 0;  ///< not in it

    template <class Archive>
    void serialize(Archive& archive) {
        archive(from, to);
    }
};

/// Those of one stretch, in order.
struct found_primes {
    doer by;
    std::vector<std::uint64_t> primes;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(by, primes);
    }
};

inline constexpr maus::method<maus::stream<found_primes>(number_range)> find_primes{"find_primes"};

/// The primes of the range, stretch by stretch. Throws std::invalid_argument if it is none, or ends
/// behind number_max.
[[nodiscard]] maus::generator<std::vector<std::uint64_t>> primes_in(number_range range);

/// What is told of primes.
struct prime_totals {
    std::uint64_t count = 0;
    std::uint64_t first = 0, last = 0;
    std::uint64_t twins = 0;               ///< pairs with one number in between
    std::uint64_t gap = 0, gap_after = 0;  ///< the widest one

    /// In order.
    void add(std::uint64_t prime);
    /// Those of the numbers behind.
    void add(const prime_totals& next);
    bool operator==(const prime_totals&) const = default;

private:
    void step_to(std::uint64_t prime);
};

}  // namespace demo
