// The files under tests/golden: what version 1 looks like as bytes, and will look like for ever.
//
// A file is text: hexadecimal bytes, comments behind '#', and a line "frame" before each further
// frame. tests/golden/README.md tells how files are added.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace golden {

using frames = std::vector<std::string>;  // each a byte string

struct item {
    std::string path;     // below tests/golden, without ".hex"
    std::string comment;  // what a reader should know
    frames bytes;         // what the value of this item is encoded to now
    /// Decodes, and encodes what was read again.
    std::function<frames(const frames&)> again;
};

/// All of them, in the order of their paths.
std::vector<item> items();
void add_values(std::vector<item>& to);
void add_messages(std::vector<item>& to);

std::string to_text(const item& of);
frames from_text(const std::string& text);

}  // namespace golden
