#include "maus/net/endpoint.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "maus/error.hpp"

namespace maus::net {

void check_endpoint(const std::string& endpoint) {
    if (endpoint.starts_with("tcp://") || endpoint.starts_with("ipc://")) return;
    throw error(errc::protocol_violation,
                "not an endpoint: '" + endpoint + "'; write tcp://HOST:PORT or ipc://PATH");
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
    for (const std::string wildcard : {"tcp://0.0.0.0:", "tcp://*:", "tcp://[::]:"}) {
        if (endpoint.starts_with(wildcard)) {
            return "tcp://" + first_address() + ":" + endpoint.substr(wildcard.size());
        }
    }
    return endpoint;
}

}  // namespace maus::net
