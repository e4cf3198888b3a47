#include "maus/net/endpoint.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "maus/error.hpp"
#include "maus/net/resolver.hpp"

namespace maus::net {

void check_endpoint(const std::string& endpoint) {
    const auto parsed = base::parse_endpoint(endpoint, base::endpoint_use::connect);
    if (!parsed) throw error(parsed.why().code, base::not_an_endpoint(endpoint, parsed.why()));
}

namespace {
error bad_address(const std::string& endpoint, const std::string& why) {
    return {errc::invalid_argument, "cannot bind " + endpoint + ": " + why};
}
}  // namespace

base::endpoint resolve_to_bind(const std::string& endpoint) {
    auto parsed = base::parse_endpoint(endpoint, base::endpoint_use::bind);
    if (!parsed) throw bad_address(endpoint, parsed.why().message);
    base::endpoint place = std::move(parsed).value();
    if (!place.is_name() || if_nametoindex(place.host.c_str()) != 0) return place;
    const addresses all = look_up(place.host);
    if (all.found.empty()) {
        throw bad_address(endpoint, "'" + place.host +
                                        "' is no network interface, and as a name it cannot be "
                                        "looked up: " +
                                        all.why);
    }
    // An IPv4 address if there is any: most who are told a name connect to that.
    const auto is_ipv4 = [](const std::string& address) {
        return address.find(':') == std::string::npos;
    };
    const auto ipv4 = std::find_if(all.found.begin(), all.found.end(), is_ipv4);
    place.host = ipv4 != all.found.end() ? *ipv4 : all.found.front();
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

struct wildcard {
    std::string_view begins;
    std::string_view here;
};
constexpr std::array<wildcard, 2> wildcards{
    {{"tcp://0.0.0.0:", "tcp://127.0.0.1:"}, {"tcp://[::]:", "tcp://[::1]:"}}};
}  // namespace

std::string reachable(const std::string& endpoint) {
    for (const auto& each : wildcards) {
        if (endpoint.starts_with(each.begins)) {
            return "tcp://" + first_address() + ":" + endpoint.substr(each.begins.size());
        }
    }
    return endpoint;
}

std::string reachable_here(const std::string& endpoint) {
    for (const auto& each : wildcards) {
        if (endpoint.starts_with(each.begins)) {
            return std::string(each.here) + endpoint.substr(each.begins.size());
        }
    }
    return endpoint;
}

}  // namespace maus::net
