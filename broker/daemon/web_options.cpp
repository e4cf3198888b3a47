#include "broker/daemon/web_options.hpp"

#include <filesystem>

#include "bin/support/duration.hpp"
#include "maus/base/endpoint.hpp"

namespace maus::programs {

namespace fs = std::filesystem;

namespace {

CLI::Validator is_listen() {
    return {[](const std::string& text) {
                const auto parsed = base::parse_endpoint("tcp://" + text, base::endpoint_use::bind);
                return parsed ? std::string{}
                              : "'" + text + "' is no HOST:PORT: " + parsed.why().message;
            },
            ""};
}
CLI::Validator is_origin() {
    return {[](const std::string& text) {
                const auto host = text.find("://");
                const bool good = (text.starts_with("http://") || text.starts_with("https://")) &&
                                  host + 3 < text.size() &&
                                  text.find('/', host + 3) == std::string::npos;
                return good
                           ? std::string{}
                           : "'" + text + "' is no origin; write https://NAME or https://NAME:PORT";
            },
            ""};
}

constexpr const char* group = "Web";

void add_time(CLI::App& app, const std::string& name, std::chrono::milliseconds& into,
              const std::string& text) {
    const bare_unit ms{std::chrono::milliseconds{1}, std::chrono::milliseconds{10},
                       std::chrono::hours{1}, "10 to 3600000 ms"};
    app.add_option_function<std::string>(
           name,
           [&into, ms](const std::string& given) {
               into = std::chrono::ceil<std::chrono::milliseconds>(*duration_of(given, ms));
           },
           text)
        ->type_name("MS")
        ->check(is_duration(ms))
        ->default_str(std::to_string(into.count()))
        ->group(group);
}

/// Beside the program if it was installed, else in the source tree.
fs::path default_root() {
    std::error_code failed;
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);
    const fs::path installed = program.parent_path().parent_path() / MAUS_WEB_DATA;
    if (!failed && fs::is_directory(installed, failed)) return installed;
    return MAUS_WEB_SOURCE;
}

}  // namespace

void add_web_options(CLI::App& app, web::gateway_options& chosen, bool* given) {
    chosen.root = default_root();
    auto* listen = app.add_option_function<std::string>(
                          "--web",
                          [&chosen, given](const std::string& text) {
                              chosen.listen = text;
                              if (given != nullptr) *given = true;
                          },
                          "Where WebSockets and browsers reach it, as HOST:PORT")
                       ->type_name("ADDRESS")
                       ->check(is_listen())
                       ->group(group);
    if (given == nullptr) listen->default_str(chosen.listen);
    const auto add = [&](const std::string& name, auto& into, const std::string& text) {
        return app.add_option(name, into, text)->group(group);
    };
    add("--web-host", chosen.hosts,
        "Another Host by which it is called, as NAME:PORT; may be given several times")
        ->type_name("NAME")
        ->allow_extra_args(false);
    add("--web-origin", chosen.origins,
        "Whose pages may open WebSockets, beside its own; may be given several times")
        ->type_name("ORIGIN")
        ->check(is_origin())
        ->allow_extra_args(false);
    add("--web-tokens", chosen.tokens,
        "Where the tokens are kept [$XDG_STATE_HOME/maus/web-tokens.json]")
        ->type_name("FILE");
    add("--web-root", chosen.root, "Has the pages it serves, in the folders examples and src")
        ->type_name("FOLDER");
    add("--web-max-message", chosen.message_bytes_max, "Largest message of a WebSocket")
        ->type_name("SIZE")
        ->transform(CLI::AsSizeValue(true))
        ->check(CLI::Range(131'072L, 1'000'000'000L, "128KiB to 1GB"))
        ->default_str("1MiB");
    add("--web-max-sockets", chosen.sockets_max, "Connections at a time")
        ->type_name("N")
        ->check(CLI::Range(1, 1'000'000, "1 to 1000000"))
        ->capture_default_str();
    add_time(app, "--web-handshake", chosen.handshake_max,
             "Time until a WebSocket's token, in ms (or 5s)");
    add_time(app, "--web-stall", chosen.stall_max,
             "Time in which a WebSocket may take nothing of what waits for it");
    add("--web-cert", chosen.certificate, "For https and wss: a certificate, with its chain (PEM)")
        ->type_name("FILE");
    add("--web-key", chosen.key, "The certificate's key (PEM)")->type_name("FILE");
}

namespace {
std::string as_lines(const std::string& as_worker, const std::string& as_manager) {
    return "become a worker in a browser:  " + as_worker +
           "\nuse the workers in a browser:  " + as_manager;
}
constexpr const char* manager_page = "mandelbrot.html";
}  // namespace

std::string web_addresses(const web::gateway& door) {
    return as_lines(door.address(web::role::worker),
                    door.address(web::role::manager, manager_page));
}

std::string web_addresses_of(const web::gateway_options& options) {
    const auto of = web::gateway::address_of;
    return as_lines(of(options, web::role::worker, ""),
                    of(options, web::role::manager, manager_page));
}

}  // namespace maus::programs
