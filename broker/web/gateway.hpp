// The door for WebSocket peers: browsers, and programs that have no ZeroMQ.
//
//     maus::web::gateway door{{.parkserver = "tcp://127.0.0.1:8500", .listen = "127.0.0.1:8501"}};
//     std::cout << door.address(maus::web::role::worker) << '\n';  // http://127.0.0.1:8501/#worker=...
//     door.run();                                                  // until stop()
//
// Each WebSocket has a connection of its own to the parkserver, and may say what the role of its token
// allows (PROTOCOL.md, section 2.1; core/session.hpp). Beside that the gateway serves the pages and the
// JavaScript of lib/js, to whoever calls it by a name that it knows (core/pages.hpp).
//
// One thread does it all. Boost is in the .cpp files only. Errors: maus::error, invalid_argument for
// mistakes of the caller, resource_exhausted for what the system does not give.
//
// Thread-safety: stop() from any thread at any time; the rest from one at a time.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "broker/web/core/roles.hpp"
#include "maus/options.hpp"

namespace maus::web {

struct gateway_options {
    /// Its endpoint; one that it is bound to at all addresses will do.
    std::string parkserver = "tcp://127.0.0.1:8500";
    /// HOST:PORT: an address or a name of this machine (* for all its addresses), port 0 or * for any.
    std::string listen = "127.0.0.1:8501";
    /// What it is called beside its own address: a Host like "maus.example:8501", which is an Origin, too;
    /// other Origins like "https://maus.example" (behind a proxy with TLS).
    std::vector<std::string> hosts = {};
    std::vector<std::string> origins = {};
    /// Empty: default_token_file().
    std::filesystem::path tokens = {};
    /// Has the folders src and examples; empty: no pages.
    std::filesystem::path root = {};
    /// Of one binary message from a peer. A larger one closes its WebSocket.
    std::size_t message_bytes_max = 1u << 20;
    /// Connections at a time. One more takes the place of the oldest that has shown no token, or is closed.
    std::size_t sockets_max = 2000;
    /// From the connection to its token; a page has as long for its request.
    std::chrono::milliseconds handshake_max{10'000};
    /// So long a peer may take nothing of what waits for it.
    std::chrono::milliseconds stall_max{30'000};
    /// PEM files. Both: https and wss.
    std::filesystem::path certificate = {};
    std::filesystem::path key = {};
    log_function log = {};
};

class gateway {
public:
    /// Binds, and reads or makes the tokens. Throws maus::error that says why it cannot.
    explicit gateway(gateway_options options);
    gateway(const gateway&) = delete;
    gateway& operator=(const gateway&) = delete;
    ~gateway();

    /// "http://127.0.0.1:8501/", with the port that it has.
    [[nodiscard]] std::string address() const;
    /// The page, with the token behind '#': no server is told that, and no proxy logs it.
    [[nodiscard]] std::string address(role of, const std::string& page = "") const;

    /// What address() will say of a gateway with these options, which need not run. Port 0 stays 0.
    [[nodiscard]] static std::string address_of(const gateway_options& options, role of,
                                                const std::string& page = "");

    /// Runs until stop() is called. Once.
    void run();
    /// The same in a thread of its own.
    void start();
    /// Closes all WebSockets (1001) and waits for the end of a thread that start() made. Idempotent.
    void stop();

private:
    class implementation;
    std::unique_ptr<implementation> self_;
};

}  // namespace maus::web
