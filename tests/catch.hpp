// Catch2 under one name, whether it is 2.13 (Debian 12) or 3.
//
// It is the tests' precompiled header; include it first, as "catch.hpp". What the two versions
// spell differently and we use gets one spelling here, so that no test asks for the version.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

#include <string>

namespace maus_test {

/// `CHECK_THAT(text, has_text("part"))`: the text contains the part.
inline auto has_text(const std::string& part) {
#if __has_include(<catch2/catch_all.hpp>)
    return Catch::Matchers::ContainsSubstring(part);
#else
    return Catch::Matchers::Contains(part);
#endif
}

}  // namespace maus_test
