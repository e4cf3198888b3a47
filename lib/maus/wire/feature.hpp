// Features: abilities that both peers of a session must have before one of them uses it.
//
// Each side names what it can do at registration or hello (`capabilities::features`); a feature is
// used in the session if both named it. A peer that names a feature which this version does not
// know is understood all the same.
//
// To add one: write its clauses in PROTOCOL.md with its name, add the name to `known_features`, and
// ask `uses(common, name)` before doing what the feature allows. What a peer that lacks it would
// refuse (a new message type, a layout flag) must not be sent without asking.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace maus::wire {

/// Names of features, sorted, none twice: what `common_features` makes.
using feature_set = std::vector<std::string>;

/// Large payloads of a link in parts, and how many bytes of them have come (section 6.1).
inline constexpr std::string_view feature_transfer = "transfer";
/// Requests that have a min and a max, and give workers back when others wait (section 5.7).
inline constexpr std::string_view feature_elastic = "elastic";

/// Functions that give items, one after the other (section 6.4).
inline constexpr std::string_view feature_streams = "streams";

/// Functions among the arguments of a call, and callbacks (section 6.3).
inline constexpr std::string_view feature_functions = "functions";

/// Functions that are sent as source code (section 6.5). A worker names it only if its owner allows that.
inline constexpr std::string_view feature_scripts = "scripts";

/// The features of this version that are nobody's choice.
inline constexpr std::array known_features{feature_elastic, feature_functions, feature_streams,
                                           feature_transfer};

/// What a peer of this version names. `scripts`: a manager, or a worker that runs them.
[[nodiscard]] feature_set own_features(bool scripts = false);
/// What both sides named. Order and duplicates of either list mean nothing.
[[nodiscard]] feature_set common_features(const std::vector<std::string>& ours,
                                          const std::vector<std::string>& theirs);
[[nodiscard]] bool uses(const feature_set& common, std::string_view feature);

}  // namespace maus::wire
