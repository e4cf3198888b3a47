// Names become addresses, on threads of our own: a look-up may take half a minute, and libzmq would
// do it on the one thread that serves all connections of the process.
//
// The threads are shared by the whole process, made when they are needed, and gone when they were
// idle for a while. Look-ups of one name that overlap are one look-up, so that a name that is slow
// each time it is tried takes one thread and not one more each time. Nobody ever waits for a thread
// here: who has lost interest just does not listen any more.
//
// Thread-safety: everything from any thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "maus/base/endpoint.hpp"

namespace maus::net {

struct addresses {
    std::vector<std::string> found;  ///< in numbers, those to be tried first in front
    std::string why;                 ///< if there are none
};

/// Waits for it.
[[nodiscard]] addresses look_up(const std::string& name);
/// `done` is called on a thread of the resolver's, or at once if there is no thread to be had. It must
/// not throw and should not take long.
void look_up_later(const std::string& name, std::function<void(const addresses&)> done);
/// Why nothing can be connected to at `address`, which is numbers or a path: tries it itself, for a
/// moment. Called as above.
void explain_later(const base::endpoint& address, std::function<void(const std::string&)> done);

}  // namespace maus::net
