#include "maus/base/endpoint.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace maus::base {

namespace {

constexpr std::string_view tcp = "tcp://", ipc = "ipc://";
constexpr std::size_t path_bytes_max = 107;  // sockaddr_un::sun_path, with its end
constexpr std::size_t host_bytes_max = 240;  // the whole fits the 256 bytes of the protocol
constexpr std::string_view digits = "0123456789";
constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";
constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

failure wrong(std::string why) { return {errc::invalid_argument, std::move(why)}; }

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool consists_of(std::string_view text, std::string_view characters) {
    return text.find_first_not_of(characters) == std::string_view::npos;
}

/// A number of decimal digits and nothing else.
std::optional<unsigned> number_in(std::string_view text, unsigned most) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && consists_of(text, digits) && value <= most ? std::optional(value)
                                                               : std::nullopt;
}

bool is_ipv4_address(std::string_view text) {
    for (int part = 0; part < 4; ++part) {
        const auto point = text.find('.');
        if ((point == std::string_view::npos) != (part == 3)) return false;
        const std::string_view octet = text.substr(0, point);
        if (octet.size() > 3 || !number_in(octet, 255)) return false;
        text.remove_prefix(std::min(octet.size() + 1, text.size()));
    }
    return true;
}

/// How many of the eight groups these are; nothing: they are none. An IPv4 address at the very end
/// stands for two.
std::optional<std::size_t> groups_in(std::string_view text, bool at_the_end) {
    std::size_t count = 0;
    while (!text.empty()) {
        const auto colon = text.find(':');
        const std::string_view group = text.substr(0, colon);
        const bool last = colon == std::string_view::npos;
        if (last && at_the_end && is_ipv4_address(group)) return count + 2;
        if (group.empty() || group.size() > 4 || !consists_of(group, hex_digits)) return {};
        ++count;
        if (last) break;
        text.remove_prefix(colon + 1);
        if (text.empty()) return {};  // a colon at the end
    }
    return count;
}

bool is_ipv6_address(std::string_view text) {
    if (const auto zone = text.find('%'); zone != std::string_view::npos) {
        const std::string_view name = text.substr(zone + 1);
        if (name.empty() || !consists_of(name, name_characters)) return false;
        text = text.substr(0, zone);
    }
    const auto gap = text.find("::");
    if (gap == std::string_view::npos) return groups_in(text, true) == std::size_t{8};
    const auto before = groups_in(text.substr(0, gap), false);
    const auto after = groups_in(text.substr(gap + 2), true);
    return before && after && *before + *after < 8;
}

std::optional<failure> problem_of_host(const endpoint& parsed, bool bracketed, endpoint_use use) {
    const std::string& host = parsed.host;
    if (host.empty()) return wrong("the host is missing; write tcp://HOST:PORT");
    if (bracketed) {
        if (is_ipv6_address(host)) return {};
        return wrong("'" + host + "' is no IPv6 address; write one such as tcp://[::1]:8500");
    }
    if (host.find(':') != std::string::npos) {
        return wrong("write an IPv6 address in brackets, and a port: tcp://[::1]:8500");
    }
    if (host == "*") {
        if (use == endpoint_use::bind) return {};
        return wrong("* stands for all addresses when binding; to connect, write one host");
    }
    if (host.size() > host_bytes_max) {
        return wrong("a host has at most " + std::to_string(host_bytes_max) + " characters");
    }
    if (parsed.is_ipv4()) {
        if (is_ipv4_address(host)) return {};
        return wrong("'" + host + "' is no IPv4 address; write four numbers up to 255: 127.0.0.1");
    }
    if (consists_of(host, name_characters)) return {};
    return wrong("a host is an address or a name, of letters, digits, '-', '_' and '.'");
}

std::optional<failure> problem_of_port(std::string_view port, endpoint_use use) {
    const bool to_bind = use == endpoint_use::bind;
    const std::string range = to_bind ? "a number from 0 to 65535, or * for any that is free"
                                      : "a number from 1 to 65535";
    if (port.empty()) return wrong("the port is missing; write " + range);
    if (to_bind && port == "*") return {};
    const auto number = number_in(port, 65535);
    if (number && (to_bind || *number != 0)) return {};
    return wrong("'" + std::string(port) + "' is no port; write " + range);
}

result<endpoint> parse_tcp(std::string_view text, endpoint_use use) {
    const bool bracketed = text.starts_with('[');
    const auto host_end = text.find(']');
    if (bracketed && host_end == std::string_view::npos) {
        return wrong("a ] is missing; write tcp://[ADDRESS]:PORT");
    }
    // Without brackets the last colon is the port's: so the others are found in the host.
    const auto colon = bracketed ? host_end + 1 : text.rfind(':');
    if (colon >= text.size() || text[colon] != ':') {
        return wrong("the port is missing; write tcp://HOST:PORT");
    }
    endpoint parsed;
    parsed.host = bracketed ? text.substr(1, host_end - 1) : text.substr(0, colon);
    parsed.port = text.substr(colon + 1);
    if (auto bad = problem_of_host(parsed, bracketed, use)) return std::move(*bad);
    if (auto bad = problem_of_port(parsed.port, use)) return std::move(*bad);
    return parsed;
}

result<endpoint> parse_ipc(std::string_view path, endpoint_use use) {
    if (path.empty()) return wrong("the path is missing; write ipc://PATH");
    if (path.size() > path_bytes_max) {
        return wrong("an ipc path has at most " + std::to_string(path_bytes_max) + " characters");
    }
    if (std::any_of(path.begin(), path.end(), is_control)) {
        return wrong("an ipc path has no control characters");
    }
    if (path == "*" && use == endpoint_use::connect) {
        return wrong("* stands for any path when binding; to connect, write one path");
    }
    endpoint parsed;
    parsed.transport = endpoint::kind::ipc;
    parsed.path = path;
    return parsed;
}

}  // namespace

result<endpoint> parse_endpoint(std::string_view text, endpoint_use use) {
    if (text.starts_with(tcp)) return parse_tcp(text.substr(tcp.size()), use);
    if (text.starts_with(ipc)) return parse_ipc(text.substr(ipc.size()), use);
    return wrong("write tcp://HOST:PORT or ipc://PATH");
}

std::string to_string(const endpoint& shown) {
    if (shown.transport == endpoint::kind::ipc) return std::string(ipc) + shown.path;
    const std::string host = shown.is_ipv6() ? "[" + shown.host + "]" : shown.host;
    return std::string(tcp) + host + ":" + shown.port;
}

std::string not_an_endpoint(std::string_view text, const failure& why) {
    std::string shown(text);
    std::replace_if(shown.begin(), shown.end(), is_control, '?');
    return "'" + shown + "' is no endpoint: " + why.message;
}

}  // namespace maus::base
