#include "maus/status.hpp"

#include "maus/shell/status_query.hpp"

namespace maus {

parkserver_status fetch_status(const std::string& endpoint, time_span timeout,
                               std::stop_token stop) {
    return shell::public_status(shell::query_status(endpoint, timeout, std::move(stop)));
}

}  // namespace maus
