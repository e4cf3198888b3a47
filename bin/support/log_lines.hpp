// The library's log, as lines on stderr.
//
// Who logs never waits: lines go through a queue with a bound (log_queue.hpp) to a thread that
// writes them. So a terminal that was stopped, a full disk, or a pipe that nobody reads holds
// nobody up, and a pipe whose reader went ends nobody by SIGPIPE.
//
// This is our own, and not spdlog's asynchronous logger, for what that lacks: it waits for a blocked
// stderr at the end without a bound, drops the oldest line whatever its level, and summarises
// nothing. What would be left of it is the thread.
#pragma once

#include <maus/options.hpp>

namespace maus::programs {

enum class log_format : std::uint8_t {
    text,  ///< "2025-11-22 13:17:41.123 info  worker 1a2b3c4d joined"
    json,  ///< {"time":"2025-11-22T12:17:41.123Z","level":"info","text":"worker 1a2b3c4d joined"}
};

/// For what matters at least this much. May be given to any number of objects. When its last copy
/// goes, what is queued is written, for a second at most. To be made after stop_signals.
[[nodiscard]] log_function log_lines(log_level least, log_format format = log_format::text);

}  // namespace maus::programs
