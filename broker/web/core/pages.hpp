// What an HTTP request may have: whose Host and Origin are right, and which file it asks for.
//
// A page of another site that was made to resolve to this machine (DNS rebinding) says its own Host; a page
// of another site that opens a WebSocket says its own Origin. So both are compared with exact lists.
//
// address          | file
// -----------------|------------------------------------
// /                | ROOT/examples/index.html
// /NAME            | ROOT/examples/NAME
// /maus/NAME       | ROOT/src/NAME
// /maus            | the WebSocket
//
// Pure: no file is looked at.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace maus::web {

inline constexpr std::string_view socket_path = "/maus";

/// What the gateway is called by.
struct names {
    std::vector<std::string> hosts;    ///< "127.0.0.1:8501"
    std::vector<std::string> origins;  ///< "http://127.0.0.1:8501"

    /// As pages that come from it would call it: by its address, and on loopback by the other names of
    /// that. `host` is an IPv6 address with brackets, or any other.
    [[nodiscard]] static names of(std::string_view host, std::uint16_t port, bool with_tls);

    [[nodiscard]] bool knows_host(std::string_view host) const;
    [[nodiscard]] bool knows_origin(std::string_view origin) const;
};

/// The path of a request's target, without what follows a '?'.
[[nodiscard]] std::string_view path_of(std::string_view target);

struct page {
    std::string file;  ///< relative to the root
    std::string_view type;
};
/// Nothing: there is no such page. No ".." and no hidden file comes of it, whatever it is.
[[nodiscard]] std::optional<page> page_at(std::string_view path);

/// The Content-Security-Policy of a page that was asked for by this name: what is here, and nothing else.
[[nodiscard]] std::string security_policy(std::string_view host);

}  // namespace maus::web
