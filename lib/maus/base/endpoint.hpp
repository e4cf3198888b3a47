// The one parser of endpoints, for the library and the programs.
//
//     tcp://HOST:PORT    HOST: an IPv4 address, a name, or an IPv6 address in brackets
//     ipc://PATH         1 to 107 characters (what the system takes)
//
// To bind, HOST may also be * (all addresses) or the name of a network interface, PORT may be 0 or *
// (any that is free), and PATH may be * (one in a temporary folder). To connect, none of these.
//
// What is refused here would be taken otherwise: libzmq reads ":99999" as port 34463 and ":80x" as
// 80. Pure: nothing is looked up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "maus/base/result.hpp"

namespace maus::base {

enum class endpoint_use : std::uint8_t { bind, connect };

struct endpoint {
    enum class kind : std::uint8_t { tcp, ipc };
    endpoint::kind transport = kind::tcp;
    std::string host;  ///< tcp; an IPv6 address is without its brackets
    std::string port;  ///< tcp; digits, or "*"
    std::string path;  ///< ipc

    [[nodiscard]] bool is_ipv6() const { return host.find(':') != std::string::npos; }
    /// Digits and points: an IPv4 address, since it was parsed.
    [[nodiscard]] bool is_ipv4() const {
        return !host.empty() && host.find_first_not_of("0123456789.") == std::string::npos;
    }
    [[nodiscard]] bool is_name() const {
        return transport == kind::tcp && host != "*" && !is_ipv4() && !is_ipv6();
    }
};

[[nodiscard]] std::string to_string(const endpoint& shown);

/// invalid_argument, with a message that says what is wrong and what to write instead.
[[nodiscard]] result<endpoint> parse_endpoint(std::string_view text, endpoint_use use);
/// The whole sentence, for those who were given the text.
[[nodiscard]] std::string not_an_endpoint(std::string_view text, const failure& why);

}  // namespace maus::base
