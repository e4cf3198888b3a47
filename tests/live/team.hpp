// A manager with some workers, ready to be called.
#pragma once

#include "live/site.hpp"

namespace live {

struct team {
    explicit team(std::size_t count, transport how = transport::tcp,
                  const std::vector<std::string>& more = {}, const maus::limits& limits = {},
                  const maus::heartbeat_options& beat = calm)
        : here(how, beat),
          manager([&] {
              auto options = here.reachable();
              options.limits = limits;
              return options;
          }()),
          processes(here.workers(count, more)) {
        manager.connect_parkserver(here.parkserver());
        workers = manager.get_workers({.amount = static_cast<std::uint32_t>(count)});
        REQUIRE(workers.wait_for(count, patience));
    }
    site here;
    maus::manager manager;
    std::vector<worker_process> processes;
    maus::worker_group workers;
};

}  // namespace live
