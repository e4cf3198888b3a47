#include "maus/net/endpoint.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "maus/error.hpp"

namespace maus::net {

std::string endpoint_problem(const std::string& endpoint) {
    constexpr std::string_view ipc = "ipc://";
    constexpr std::size_t path_max = sizeof(sockaddr_un::sun_path) - 1;
    if (endpoint.starts_with(ipc)) {
        if (endpoint.size() - ipc.size() <= path_max) return {};
        return "an ipc path has at most " + std::to_string(path_max) + " characters";
    }
    if (endpoint.starts_with("tcp://[")) return "IPv6 is not spoken; write an IPv4 address";
    return endpoint.starts_with("tcp://") ? "" : "write tcp://HOST:PORT or ipc://PATH";
}

void check_endpoint(const std::string& endpoint) {
    const std::string problem = endpoint_problem(endpoint);
    if (problem.empty()) return;
    throw error(errc::protocol_violation, "not an endpoint: '" + endpoint + "'; " + problem);
}

namespace {
std::string first_address() {
    std::string found = "127.0.0.1";
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) return found;
    for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
        const bool usable = each->ifa_addr != nullptr && each->ifa_addr->sa_family == AF_INET &&
                            (each->ifa_flags & IFF_UP) != 0 &&
                            (each->ifa_flags & IFF_LOOPBACK) == 0;
        if (!usable) continue;
        char text[INET_ADDRSTRLEN];
        const auto* address = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
        if (inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) != nullptr) found = text;
        break;
    }
    freeifaddrs(all);
    return found;
}
}  // namespace

std::string reachable(const std::string& endpoint) {
    for (const std::string wildcard : {"tcp://0.0.0.0:", "tcp://*:"}) {
        if (endpoint.starts_with(wildcard)) {
            return "tcp://" + first_address() + ":" + endpoint.substr(wildcard.size());
        }
    }
    return endpoint;
}

}  // namespace maus::net
