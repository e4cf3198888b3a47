// Other systems that call functions in other processes, as Debian has them.
#pragma once

#include <vector>

#include "bench/echo.hpp"

namespace bench {

/// peers.SETTING.NAME: our echo beside each one's; peers.SETTING.relay: beside ours through a
/// parkserver, since some of the others have a server between caller and worker, too. What cannot be
/// measured is said on stderr, with what to install.
[[nodiscard]] std::vector<figure> measure_peers(const setting& what, const plan& how);

}  // namespace bench
