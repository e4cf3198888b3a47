#include "maus/net/endpoint.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include <array>
#include <memory>

#include "maus/error.hpp"

namespace maus::net {

void check_endpoint(const std::string& endpoint) {
    const auto parsed = base::parse_endpoint(endpoint, base::endpoint_use::connect);
    if (!parsed) throw error(parsed.why().code, base::not_an_endpoint(endpoint, parsed.why()));
}

namespace {
error cannot_bind(const std::string& endpoint, const std::string& why) {
    return {errc::invalid_argument, "cannot bind " + endpoint + ": " + why};
}

/// The first address of a name, an IPv4 one if there is any; empty, and `why`, if there is none.
std::string first_address_of(const std::string& name, std::string& why) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int code = getaddrinfo(name.c_str(), nullptr, &hints, &found); code != 0) {
        why = gai_strerror(code);
        return {};
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
    std::string address;
    for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
        if (each->ai_family != AF_INET && !address.empty()) continue;
        std::array<char, NI_MAXHOST> text{};
        if (getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                        NI_NUMERICHOST) != 0) {
            continue;
        }
        address = text.data();
        if (each->ai_family == AF_INET) break;
    }
    if (address.empty()) why = "it has no address";
    return address;
}
}  // namespace

base::endpoint resolve_to_bind(const std::string& endpoint) {
    auto parsed = base::parse_endpoint(endpoint, base::endpoint_use::bind);
    if (!parsed) throw cannot_bind(endpoint, parsed.why().message);
    base::endpoint place = std::move(parsed).value();
    if (!place.is_name() || if_nametoindex(place.host.c_str()) != 0) return place;
    std::string why;
    const std::string address = first_address_of(place.host, why);
    if (address.empty()) {
        throw cannot_bind(endpoint, "'" + place.host +
                                        "' is no network interface, and as a name it cannot be "
                                        "looked up: " +
                                        why);
    }
    place.host = address;
    return place;
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
    for (const std::string wildcard : {"tcp://0.0.0.0:", "tcp://[::]:"}) {
        if (endpoint.starts_with(wildcard)) {
            return "tcp://" + first_address() + ":" + endpoint.substr(wildcard.size());
        }
    }
    return endpoint;
}

}  // namespace maus::net
