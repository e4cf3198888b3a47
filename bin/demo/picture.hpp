// Drawing the Mandelbrot set: what the worker processes do, and what is sent to and fro for it.
//
// A call names a tile of the picture in some 30 bytes, and its answer has one byte for each pixel. In
// between there are up to `steps_max` steps for each pixel. So there is much to compute and little to
// send, and that is why it pays to spread it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <maus/method.hpp>

#include "bin/demo/job.hpp"

namespace demo {

/// How often the formula is applied before a point is taken to be in the set.
inline constexpr std::uint32_t steps_max = 2000;
/// Edge of a tile, in pixels.
inline constexpr std::uint32_t tile_edge = 40;

/// A part of a picture, in pixels. Pictures are three quarters as high as they are wide.
struct tile {
    std::uint32_t picture_width = 0;
    std::uint32_t left = 0;
    std::uint32_t top = 0;
    std::uint32_t width = 0;
    std::uint32_t height = 0;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(picture_width, left, top, width, height);
    }
};

/// A shade for each pixel, row by row. 0: in the set.
using shades = std::vector<std::uint8_t>;

struct drawn_tile {
    doer by;
    shades pixels;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(by, pixels);
    }
};

inline constexpr maus::method<drawn_tile(tile)> draw_tile{"draw_tile"};

/// Draws it. Throws std::invalid_argument if it is too large.
[[nodiscard]] shades draw(const tile& part);

/// The whole: where the tiles are put together.
class canvas {
public:
    explicit canvas(std::uint32_t width);

    [[nodiscard]] std::uint32_t width() const { return width_; }
    [[nodiscard]] std::uint32_t height() const { return height_; }
    [[nodiscard]] std::vector<tile> tiles() const;
    /// Throws std::runtime_error if it does not have that many pixels.
    void put(const tile& part, const shades& drawn);

    [[nodiscard]] std::uint64_t pixels_unlike(const canvas& other) const;
    /// In so many columns of letters, for a terminal.
    [[nodiscard]] std::string as_text(std::uint32_t columns) const;
    /// As a file in the format PGM, which most viewers know.
    [[nodiscard]] std::string as_pgm() const;

private:
    std::uint32_t width_;
    std::uint32_t height_;
    shades pixels_;
};

}  // namespace demo
