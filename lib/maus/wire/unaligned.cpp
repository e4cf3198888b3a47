#include "maus/wire/unaligned.hpp"

namespace maus::wire::detail {

template void assign_unaligned(std::vector<short>&, const std::byte*, std::size_t);
template void assign_unaligned(std::vector<unsigned short>&, const std::byte*, std::size_t);
template void assign_unaligned(std::vector<int>&, const std::byte*, std::size_t);
template void assign_unaligned(std::vector<unsigned>&, const std::byte*, std::size_t);
template void assign_unaligned(std::vector<long>&, const std::byte*, std::size_t);
template void assign_unaligned(std::vector<unsigned long>&, const std::byte*, std::size_t);
template void assign_unaligned(std::vector<long long>&, const std::byte*, std::size_t);
template void assign_unaligned(std::vector<unsigned long long>&, const std::byte*, std::size_t);
template void assign_unaligned(std::vector<float>&, const std::byte*, std::size_t);
template void assign_unaligned(std::vector<double>&, const std::byte*, std::size_t);

}  // namespace maus::wire::detail
