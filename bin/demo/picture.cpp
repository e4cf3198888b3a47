#include "bin/demo/picture.hpp"

#include <algorithm>
#include <stdexcept>

namespace demo {

namespace {

constexpr std::uint64_t tile_pixels_max = 1u << 20;

/// How many steps z = z * z + c takes from c until it is far away; steps_max: it stays.
std::uint32_t steps_of(double x, double y) {
    double re = x, im = y;
    for (std::uint32_t steps = 0; steps < steps_max; ++steps) {
        const double re2 = re * re, im2 = im * im;
        if (re2 + im2 > 4) return steps;
        im = 2 * re * im + y;
        re = re2 - im2 + x;
    }
    return steps_max;
}

/// The farther away from the set, the lighter.
std::uint8_t shade_of(std::uint32_t steps) {
    if (steps == steps_max) return 0;
    return static_cast<std::uint8_t>(255 - std::min(steps * 6, 230u));
}

}  // namespace

shades draw(const tile& part) {
    if (std::uint64_t{part.width} * part.height > tile_pixels_max || part.picture_width == 0) {
        throw std::invalid_argument("a tile has at most 1,048,576 pixels");
    }
    const double scale = 3.0 / part.picture_width;  // from -2.25 to 0.75, and -1.125 to 1.125
    shades drawn;
    drawn.reserve(std::size_t{part.width} * part.height);
    for (std::uint32_t row = 0; row < part.height; ++row) {
        const double y = 1.125 - scale * (part.top + row + 0.5);
        for (std::uint32_t column = 0; column < part.width; ++column) {
            drawn.push_back(shade_of(steps_of(scale * (part.left + column + 0.5) - 2.25, y)));
        }
    }
    return drawn;
}

canvas::canvas(std::uint32_t width)
    : width_(width), height_(width / 4 * 3), pixels_(std::size_t{width_} * height_) {}

std::vector<tile> canvas::tiles() const {
    std::vector<tile> all;
    for (std::uint32_t top = 0; top < height_; top += tile_edge) {
        for (std::uint32_t left = 0; left < width_; left += tile_edge) {
            all.push_back({width_, left, top, std::min(tile_edge, width_ - left),
                           std::min(tile_edge, height_ - top)});
        }
    }
    return all;
}

void canvas::put(const tile& part, const shades& drawn) {
    if (drawn.size() != std::size_t{part.width} * part.height) {
        throw std::runtime_error("a worker drew a tile of another size");
    }
    for (std::uint32_t row = 0; row < part.height; ++row) {
        const auto from = drawn.begin() + static_cast<std::ptrdiff_t>(row) * part.width;
        const std::size_t to = std::size_t{part.top + row} * width_ + part.left;
        std::copy_n(from, part.width, pixels_.begin() + static_cast<std::ptrdiff_t>(to));
    }
}

std::uint64_t canvas::pixels_unlike(const canvas& other) const {
    std::uint64_t unlike = 0;
    for (std::size_t i = 0; i < pixels_.size(); ++i) {
        unlike += pixels_[i] != other.pixels_.at(i) ? 1 : 0;
    }
    return unlike;
}

std::string canvas::as_text(std::uint32_t columns) const {
    constexpr std::string_view letters = "@%#*+=-:. ";  // from dark to light
    const std::uint32_t lines = columns * 3 / 8;        // a letter is twice as high as wide
    std::string text;
    for (std::uint32_t line = 0; line < lines; ++line) {
        std::string row = "  ";
        for (std::uint32_t column = 0; column < columns; ++column) {
            const std::size_t y = (std::size_t{line} * 2 + 1) * height_ / (2 * lines);
            const std::size_t x = (std::size_t{column} * 2 + 1) * width_ / (2 * columns);
            row += letters[pixels_[y * width_ + x] * letters.size() / 256];
        }
        row.erase(row.find_last_not_of(' ') + 1);
        text += row + '\n';
    }
    return text;
}

std::string canvas::as_pgm() const {
    return "P5\n" + std::to_string(width_) + " " + std::to_string(height_) + "\n255\n" +
           std::string(pixels_.begin(), pixels_.end());
}

}  // namespace demo
