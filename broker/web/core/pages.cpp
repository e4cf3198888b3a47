#include "broker/web/core/pages.hpp"

#include <algorithm>
#include <cstdint>

namespace maus::web {

namespace {
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool same(std::string_view one, std::string_view other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}
bool has(const std::vector<std::string>& known, std::string_view text) {
    return std::any_of(known.begin(), known.end(),
                       [&](const auto& each) { return same(each, text); });
}
bool is_loopback(std::string_view host) {
    return same(host, "localhost") || host == "[::1]" || host.starts_with("127.");
}
constexpr std::pair<std::string_view, std::string_view> types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".ico", "image/x-icon"},
    {".ts", "text/plain; charset=utf-8"},
    {".map", "application/json"},
};
/// Of names that begin with a letter, a digit or '_', between slashes.
bool is_plain(std::string_view file) {
    bool at_start = true;
    for (const char c : file) {
        const bool is_word =
            (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_';
        if (at_start ? !is_word : !is_word && c != '.' && c != '-' && c != '/') return false;
        at_start = c == '/';
    }
    return !file.empty() && !at_start;
}
}  // namespace

names names::of(std::string_view host, std::uint16_t port, bool with_tls) {
    names made;
    const auto add = [&](std::string_view name) {
        const std::string scheme = with_tls ? "https://" : "http://";
        const std::string with_port = std::string(name) + ":" + std::to_string(port);
        made.hosts.push_back(with_port);
        made.origins.push_back(scheme + with_port);
        if (port != (with_tls ? 443 : 80)) return;  // browsers leave these out
        made.hosts.emplace_back(name);
        made.origins.push_back(scheme + std::string(name));
    };
    const bool is_any = host == "0.0.0.0" || host == "[::]";
    if (is_any || is_loopback(host)) {
        for (const auto* each : {"127.0.0.1", "localhost", "[::1]"}) add(each);
    }
    if (!is_any && !has(made.hosts, std::string(host) + ":" + std::to_string(port))) add(host);
    return made;
}

bool names::knows_host(std::string_view host) const { return has(hosts, host); }
bool names::knows_origin(std::string_view origin) const { return has(origins, origin); }

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::optional<page> page_at(std::string_view path) {
    if (!path.starts_with('/')) return std::nullopt;
    const bool is_source = path.starts_with("/maus/");
    std::string file(path.substr(is_source ? socket_path.size() + 1 : 1));
    if (file.empty() && !is_source) file = "index.html";
    if (!is_plain(file)) return std::nullopt;
    for (const auto& [ending, type] : types) {
        if (file.ends_with(ending)) return page{(is_source ? "src/" : "examples/") + file, type};
    }
    return std::nullopt;
}

std::string security_policy(std::string_view host) {
    const std::string at(host);
    return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
           "worker-src 'self'; connect-src 'self' ws://" +
           at + " wss://" + at + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

}  // namespace maus::web
