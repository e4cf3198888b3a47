// What a WebSocket peer may say, by the role that its token gives it (PROTOCOL.md, section 2.1).
//
// message                                     | worker | manager | observer
// --------------------------------------------|--------|---------|---------
// ping, goodbye, unimplemented                | yes    | yes     | yes
// status_query                                |        | yes     | yes
// register_worker, accepted, refused,         | yes    |         |
//   available, occupied                       |        |         |
// register_manager without endpoints,         |        | yes     |
//   request, cancel, worker_lost              |        |         |
// relay                                       | yes    | yes     |
//
// Everything else of this version is refused. What this program does not know yet, an old parkserver
// would not know either: it is answered or skipped as that would do (P-62), and never passed on.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "maus/limits.hpp"
#include "maus/wire/message.hpp"

namespace maus::web {

enum class role : std::uint8_t { worker, manager, observer };
inline constexpr role all_roles[] = {role::worker, role::manager, role::observer};
[[nodiscard]] std::string_view to_string(role which);

enum class verdict : std::uint8_t {
    pass_on,
    answer_unimplemented,
    skip,
    refuse,     ///< the role does not allow it
    malformed,  ///< it is no message to a parkserver
};

struct judgement {
    web::verdict verdict = verdict::pass_on;
    std::uint8_t type = 0;  ///< to answer
    std::string why = {};   ///< refuse, malformed
};

[[nodiscard]] judgement judge(role who, const wire::message& said, const limits& bounds);

}  // namespace maus::web
