// The functions that the live tests' workers expose; shared by the workers and those who call them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <maus/maus.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace zoo {

/// A user's type, with nothing of maus in it.
struct particle {
    std::string name;
    double mass = 0;
    std::vector<std::int32_t> charges;
    std::optional<std::string> decays_to;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(name, mass, charges, decays_to);
    }
    bool operator==(const particle&) const = default;
};

using instant = std::chrono::system_clock::time_point;
using mixture = std::tuple<bool, std::int8_t, std::uint64_t, float, std::string,
                           std::vector<std::string>, std::map<std::string, std::vector<int>>,
                           std::optional<double>, std::chrono::milliseconds>;

template <class Signature>
using method = maus::method<Signature>;

inline constexpr method<int(int, int)> add{"add"};
inline constexpr method<std::string(std::string)> echo{"echo"};
inline constexpr method<std::uint32_t()> pid{"pid"};
/// Throws std::invalid_argument that names x.
inline constexpr method<int(int)> fail{"fail"};
/// Gives x back; throws if it is odd.
inline constexpr method<int(int)> only_even{"only_even"};
/// Throws an int.
inline constexpr method<void()> throw_odd{"throw_odd"};
/// Gives x back after so many milliseconds.
inline constexpr method<int(int x, int ms)> slow{"slow"};
/// Gives x back once the file is there. Adds a byte to the file `begun` if that has a name.
inline constexpr method<int(int x, std::string gate, std::string begun)> hold{"hold"};
/// Never returns.
inline constexpr method<int()> hang{"hang"};
/// Adds a byte to the file; gives nothing back.
inline constexpr method<void(std::string)> note{"note"};
/// The square of x; aborts its process if x is `poison`. Each beginning adds a byte to the file.
inline constexpr method<std::int64_t(std::int64_t x, std::int64_t poison, std::string tally)>
    abort_if{"abort_if"};
/// x + 1, by a coroutine that waits for the gate and holds nobody up.
inline constexpr method<int(int x, std::string gate)> later{"later"};
/// x + 2, by a responder that is answered from another thread, once the gate is there.
inline constexpr method<int(int x, std::string gate)> answer_later{"answer_later"};
/// The attempt's number, as the function reads it from its fence, once the gate is there.
inline constexpr method<std::uint32_t(std::string gate)> attempt{"attempt"};

/// The numbers from 0, as many as that. Before the number `gate_at` it waits for the gate.
inline constexpr method<maus::stream<std::int64_t>(std::int64_t count, std::int64_t gate_at,
                                                   std::string gate)>
    numbers{"numbers"};

inline constexpr method<double(double)> same_double{"same_double"};
inline constexpr method<std::vector<double>(std::vector<double>)> same_doubles{"same_doubles"};
inline constexpr method<bool(bool)> negate{"negate"};
inline constexpr method<mixture(mixture)> same_mixture{"same_mixture"};
inline constexpr method<instant(instant, std::chrono::hours)> shift{"shift"};
inline constexpr method<particle(particle, double)> heavier{"heavier"};

}  // namespace zoo
