#include "bin/demo/primes.hpp"

#include <algorithm>
#include <stdexcept>

namespace demo {

namespace {

/// Numbers in one stretch: their marks fit into a cache.
constexpr std::uint64_t stretch_numbers = 1 << 16;

/// The primes p with p * p <= last, one by one by division: there are few.
std::vector<std::uint64_t> divisors_up_to(std::uint64_t last) {
    std::vector<std::uint64_t> found;
    for (std::uint64_t n = 2; n * n <= last; ++n) {
        const auto divides = [n](std::uint64_t p) { return n % p == 0; };
        const auto end = std::ranges::find_if(found, [n](std::uint64_t p) { return p * p > n; });
        if (std::none_of(found.begin(), end, divides)) found.push_back(n);
    }
    return found;
}

/// The sieve of Eratosthenes.
std::vector<std::uint64_t> sieve(number_range part, const std::vector<std::uint64_t>& divisors) {
    std::vector<char> composite(part.to - part.from);
    for (const std::uint64_t p : divisors) {
        const std::uint64_t multiple = (part.from + p - 1) / p * p;
        for (std::uint64_t n = std::max(p * p, multiple); n < part.to; n += p) {
            composite[n - part.from] = 1;
        }
    }
    std::vector<std::uint64_t> found;
    for (std::uint64_t n = std::max<std::uint64_t>(part.from, 2); n < part.to; ++n) {
        if (!composite[n - part.from]) found.push_back(n);
    }
    return found;
}

}  // namespace

maus::generator<std::vector<std::uint64_t>> primes_in(number_range range) {
    if (range.from >= range.to || range.to > number_max) {
        throw std::invalid_argument("not a range of numbers up to 10,000,000,000");
    }
    const auto divisors = divisors_up_to(range.to - 1);
    for (std::uint64_t from = range.from; from < range.to; from += stretch_numbers) {
        co_yield sieve({from, std::min(from + stretch_numbers, range.to)}, divisors);
    }
}

void prime_totals::step_to(std::uint64_t prime) {
    if (count == 0) {
        first = prime;
        return;
    }
    const std::uint64_t step = prime - last;
    if (step == 2) ++twins;
    if (step > gap) {
        gap = step;
        gap_after = last;
    }
}

void prime_totals::add(std::uint64_t prime) {
    step_to(prime);
    ++count;
    last = prime;
}

void prime_totals::add(const prime_totals& next) {
    if (next.count == 0) return;
    step_to(next.first);
    count += next.count;
    last = next.last;
    twins += next.twins;
    if (next.gap > gap) {
        gap = next.gap;
        gap_after = next.gap_after;
    }
}

}  // namespace demo
