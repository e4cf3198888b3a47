// A function that workers expose, found by its name at a parkserver, and what it may be called with.
#pragma once

#include <string>
#include <vector>

#include <maus/status.hpp>
#include <maus/value.hpp>

namespace maus::cli {

/// One signature, and the type of the workers that a call of it goes to.
struct function_choice {
    std::string signature;
    std::string type;
};

/// All signatures under which workers (of `type`, unless it is empty) expose it, the one of most workers
/// first. Throws programs::failure if there are none, with what is there instead.
[[nodiscard]] std::vector<function_choice> find_function(const parkserver_status& now,
                                                         const std::string& name,
                                                         const std::string& type);
/// The first that takes these arguments. Throws programs::bad_usage that explains why none does.
[[nodiscard]] const function_choice& choose(const std::vector<function_choice>& among,
                                            const arguments& given);

/// The first that `maus map` can call: it takes no functions and gives one result. Throws
/// programs::bad_usage that says of each why not, and what to do instead.
[[nodiscard]] const function_choice& choose_for_map(const std::vector<function_choice>& among);

/// Of the signature; of a dynamic function `dynamic`.
inline constexpr std::size_t dynamic = ~std::size_t{0};
[[nodiscard]] std::size_t parameters_of(const std::string& signature);

/// Words of a command line. Throws programs::bad_usage that tells which is no JSON.
[[nodiscard]] arguments arguments_of(const std::vector<std::string>& words);

}  // namespace maus::cli
