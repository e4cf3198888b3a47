#include "maus/worker_id.hpp"

#include "maus/error.hpp"

namespace maus {

namespace {
constexpr std::string_view hexadecimal = "0123456789abcdef";
}  // namespace

worker_id::worker_id(std::string_view text) {
    bool right = text.size() == 2 * bytes_.size();
    for (std::size_t i = 0; right && i < bytes_.size(); ++i) {
        const auto high = hexadecimal.find(text[2 * i]), low = hexadecimal.find(text[2 * i + 1]);
        right = high != text.npos && low != text.npos;
        if (right) bytes_[i] = static_cast<std::uint8_t>(high << 4 | low);
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
    for (const std::uint8_t byte : bytes_) {
        made += hexadecimal[byte >> 4];
        made += hexadecimal[byte & 15];
    }
    return made;
}

}  // namespace maus
