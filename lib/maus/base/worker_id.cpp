#include "maus/worker_id.hpp"

#include "maus/base/hex.hpp"
#include "maus/error.hpp"

namespace maus {

worker_id::worker_id(std::string_view text) {
    bool right = text.size() == 2 * bytes_.size();
    for (std::size_t i = 0; right && i < bytes_.size(); ++i) {
        const auto read = base::hex_byte(text.substr(2 * i));
        right = read.has_value();
        bytes_[i] = read.value_or(0);
    }
    if (right) return;
    constexpr std::size_t shown_max = 64;
    throw error(errc::invalid_argument,
                "a worker's id has 32 hexadecimal digits (0 to 9, a to f); "
                "this has " +
                    std::to_string(text.size()) +
                    " characters: " + std::string(text.substr(0, shown_max)));
}

std::string worker_id::text() const {
    std::string made;
    made.reserve(2 * bytes_.size());
    base::append_hex(made, bytes_);
    return made;
}

}  // namespace maus
