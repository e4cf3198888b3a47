// Numbers from any address into a vector, at the speed of one copy.
//
// In a payload numbers follow a count of four bytes, so that they mostly stand where numbers of
// their type may not; and a vector offers no room to copy into that it has not written before. So
// they are read one by one, and it is left to the compiler's vectoriser to make a copy of that. For
// the usual types this is compiled in the library, with -O3 in every build but Debug.
#pragma once

#include <compare>
#include <cstddef>
#include <iterator>
#include <vector>

#include "maus/wire/cursor.hpp"

namespace maus::wire::detail {

/// Walks over encoded numbers.
template <scalar T>
class unaligned_iterator {
public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = T;

    unaligned_iterator() = default;
    explicit unaligned_iterator(const std::byte* at) : at_(at) {}

    T operator*() const { return load_scalar<T>(at_); }
    T operator[](difference_type n) const { return *(*this + n); }
    unaligned_iterator& operator+=(difference_type n) {
        at_ += n * static_cast<difference_type>(sizeof(T));
        return *this;
    }
    unaligned_iterator& operator-=(difference_type n) { return *this += -n; }
    unaligned_iterator& operator++() { return *this += 1; }
    unaligned_iterator& operator--() { return *this += -1; }
    unaligned_iterator operator++(int) {
        const auto old = *this;
        ++*this;
        return old;
    }
    unaligned_iterator operator--(int) {
        const auto old = *this;
        --*this;
        return old;
    }
    friend unaligned_iterator operator+(unaligned_iterator a, difference_type n) { return a += n; }
    friend unaligned_iterator operator+(difference_type n, unaligned_iterator a) { return a += n; }
    friend unaligned_iterator operator-(unaligned_iterator a, difference_type n) { return a -= n; }
    friend difference_type operator-(unaligned_iterator a, unaligned_iterator b) {
        return (a.at_ - b.at_) / static_cast<difference_type>(sizeof(T));
    }
    friend auto operator<=>(unaligned_iterator, unaligned_iterator) = default;

private:
    const std::byte* at_ = nullptr;
};

template <class C>
void assign_unaligned(C& values, const std::byte* from, std::size_t count) {
    const unaligned_iterator<typename C::value_type> begin{from};
    values.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
}

extern template void assign_unaligned(std::vector<short>&, const std::byte*, std::size_t);
extern template void assign_unaligned(std::vector<unsigned short>&, const std::byte*, std::size_t);
extern template void assign_unaligned(std::vector<int>&, const std::byte*, std::size_t);
extern template void assign_unaligned(std::vector<unsigned>&, const std::byte*, std::size_t);
extern template void assign_unaligned(std::vector<long>&, const std::byte*, std::size_t);
extern template void assign_unaligned(std::vector<unsigned long>&, const std::byte*, std::size_t);
extern template void assign_unaligned(std::vector<long long>&, const std::byte*, std::size_t);
extern template void assign_unaligned(std::vector<unsigned long long>&, const std::byte*,
                                      std::size_t);
extern template void assign_unaligned(std::vector<float>&, const std::byte*, std::size_t);
extern template void assign_unaligned(std::vector<double>&, const std::byte*, std::size_t);

}  // namespace maus::wire::detail
