// The parkserver by itself: how fast it gives workers away, and what many of them cost.
#pragma once

#include <string>
#include <vector>

#include "bench/child.hpp"
#include "bench/figure.hpp"

namespace bench {

/// lease.registeredN, with N workers that are simulated: registration_us (of each, when all come),
/// single_registration_p50_us, memory_bytes_per_worker, rest_cpu_percent (of one processor,
/// heartbeats once a second), beside a bare ROUTER with as many DEALERs that returns every message;
/// and memory_over_libzmq_kib, the difference for one worker.
[[nodiscard]] std::vector<figure> measure_registered(std::size_t workers, const plan& how);
/// Over which transport, and whether the server has a processor to itself: else it shares one with
/// the peers that ask.
struct cycle {
    std::string transport = "tcp";
    bool apart = false;
};
/// lease.cycle.TRANSPORT[.apart]: 200 simulated workers are asked for, granted and given back, over
/// and over: grants_per_s, p50_us and p99_us from request to granted, server_cpu_us_per_grant;
/// beside a ROUTER that does nothing but pass the same messages on.
[[nodiscard]] std::vector<figure> measure_cycle(const cycle& what, const plan& how);
/// lease.request: p50_us and p99_us from get_workers() until a real worker can be called.
[[nodiscard]] std::vector<figure> measure_request(const plan& how);
/// lease.share: two elastic managers share ten workers: settle_ms until the second one, which came later,
/// has five and so has the first; exact_ms until an exact request has its four of them; grow_back_ms until
/// they have five each again when it has ended; slowest_ms of these.
[[nodiscard]] std::vector<figure> measure_share(const plan& how);

void role_lease_peers(const words& arguments);
void role_lease_workers(const words& arguments);
void role_bare_agency(const words& arguments);
void role_bare_router(const words& arguments);

}  // namespace bench
