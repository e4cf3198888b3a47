#include "broker/web/gateway.hpp"

#include <sys/resource.h>

#include <atomic>
#include <optional>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "broker/web/page_visit.hpp"
#include "broker/web/token_file.hpp"
#include "maus/error.hpp"
#include "maus/net/endpoint.hpp"
#include "maus/net/process.hpp"
#include "maus/wire/feature.hpp"

namespace maus::web {

namespace {

constexpr std::size_t descriptors_a_peer = 9;  // its WebSocket, its hub, and what libzmq needs
constexpr std::size_t descriptors_kept = 64;

error wrong(const std::string& what) { return {errc::invalid_argument, what}; }

/// What they cost is bounded by what the system gives.
std::size_t sockets_max(const gateway_options& options) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) {
        return options.sockets_max;
    }
    const auto all = static_cast<std::size_t>(files.rlim_cur);
    const std::size_t fit =
        all > descriptors_kept ? (all - descriptors_kept) / descriptors_a_peer : 1;
    return std::min(options.sockets_max, std::max<std::size_t>(fit, 1));
}

tokens tokens_of(const gateway_options& options) {
    return read_or_make_tokens(options.tokens.empty() ? default_token_file() : options.tokens);
}

session_config config_of(const gateway_options& options) {
    session_config made{tokens_of(options)};
    made.limits.message_bytes_max = options.message_bytes_max;
    made.limits.queued_bytes_max = 4 * made.queued_bytes_max();
    made.handshake_max = options.handshake_max;
    made.stall_max = options.stall_max;
    return made;
}

tcp::endpoint place_of(const std::string& listen) {
    const base::endpoint place = net::resolve_to_bind("tcp://" + listen);
    error_code failed;
    const auto address = asio::ip::make_address(place.host == "*" ? "0.0.0.0" : place.host, failed);
    if (failed) throw wrong("cannot listen at " + listen + ": it is no address of this machine");
    const unsigned long port = place.port == "*" ? 0 : std::stoul(place.port);
    return {address, static_cast<unsigned short>(port)};
}

/// As it stands in an address.
std::string host_of(const tcp::endpoint& place) {
    const std::string host = place.address().to_string();
    return place.address().is_v6() ? "[" + host + "]" : host;
}

std::string root_address(const std::string& host, bool with_tls) {
    return (with_tls ? "https://" : "http://") + host + "/";
}
std::string fragment_of(role which, const tokens& known) {
    return "#" + std::string(to_string(which)) + "=" + known.of(which);
}

#ifdef MAUS_WEB_TLS
tls_context make_tls(const gateway_options& options) {
    tls_context made(tls_context::tls_server);
    made.set_options(tls_context::default_workarounds | tls_context::no_sslv2 |
                     tls_context::no_sslv3 | tls_context::no_tlsv1 | tls_context::no_tlsv1_1);
    error_code failed;
    made.use_certificate_chain_file(options.certificate.string(), failed);
    if (failed) {
        throw wrong("cannot use the certificate " + options.certificate.string() + ": " +
                    failed.message());
    }
    made.use_private_key_file(options.key.string(), tls_context::pem, failed);
    if (failed) throw wrong("cannot use the key " + options.key.string() + ": " + failed.message());
    return made;
}
#else
tls_context make_tls(const gateway_options&) {
    throw wrong("this gateway was built without TLS (OpenSSL)");
}
#endif

void keep_alive(tcp::socket& socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(tcp::socket::keep_alive(true), ignored);
    // As the library's own connections: a minute of silence, then three questions.
    const int fd = socket.native_handle();
    for (const auto& [option, value] :
         {std::pair{TCP_KEEPIDLE, 60}, {TCP_KEEPINTVL, 20}, {TCP_KEEPCNT, 3}}) {
        ::setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
    }
}

}  // namespace

class gateway::implementation {
public:
    explicit implementation(gateway_options options)
        : state_{config_of(options), {}, {}, {}, {}, {}, {}, {}}, acceptor_(io_), pause_(io_) {
        if (options.certificate.empty() != options.key.empty()) {
            throw wrong("TLS needs both a certificate and its key");
        }
        if (!options.certificate.empty()) tls_.emplace(make_tls(options));
        options.parkserver = net::reachable_here(options.parkserver);
        net::check_endpoint(options.parkserver);
        sockets_max_ = sockets_max(options);
        state_.settings = {state_.config.limits, {}};
        state_.parkserver = options.parkserver;
        state_.root = options.root;
        state_.log = options.log;
        bind(options.listen);
        name(options);
        if (sockets_max_ < options.sockets_max) {
            log(log_level::warning,
                "only " + std::to_string(sockets_max_) +
                    " WebSockets at a time, since no more files may be open; raise "
                    "it with `ulimit -n` or LimitNOFILE=");
        }
        if (!tls_ && !acceptor_.local_endpoint().address().is_loopback()) {
            log(log_level::warning,
                "others on the network can read the tokens: give a certificate, or put a proxy "
                "with TLS "
                "before it");
        }
    }
    ~implementation() { stop(); }

    [[nodiscard]] std::string address() const {
        return root_address(shown_host_, tls_.has_value());
    }
    [[nodiscard]] std::string address(role of, const std::string& page) const {
        return address() + page + fragment_of(of, state_.config.tokens);
    }

    void run() {
        accept();
        io_.run();
        for (const auto& each : state_.repeated.rest()) log(each.level, each.text);
    }
    void start() {
        thread_ = net::spawn([this] { run(); });
    }
    void stop() {
        if (!stop_asked_.exchange(true)) asio::post(io_, [this] { begin_to_stop(); });
        if (thread_.joinable() && thread_.get_id() != std::this_thread::get_id()) thread_.join();
    }

private:
    void log(log_level level, std::string_view text) { shell::log_safely(state_.log, level, text); }

    void bind(const std::string& listen) {
        const tcp::endpoint place = place_of(listen);
        error_code failed;
        acceptor_.open(place.protocol(), failed);
        if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
        if (!failed) acceptor_.bind(place, failed);
        if (!failed) acceptor_.listen(4096, failed);
        if (failed) throw wrong("cannot listen at " + listen + ": " + failed.message());
    }
    void name(const gateway_options& options) {
        const tcp::endpoint place = acceptor_.local_endpoint();
        state_.called = names::of(host_of(place), place.port(), tls_.has_value());
        shown_host_ = state_.called.hosts.front();
        // Pages that are called by another name come from it, too.
        for (const auto& each : options.hosts) {
            state_.called.hosts.push_back(each);
            state_.called.origins.push_back((tls_ ? "https://" : "http://") + each);
        }
        for (const auto& each : options.origins) state_.called.origins.push_back(each);
    }

    void accept() {
        if (stopping_) return;
        acceptor_.async_accept([this](error_code failed, tcp::socket socket) {
            if (stopping_) return;
            if (failed) return accept_later(failed);
            admit(std::move(socket));
            accept();
        });
    }
    /// Too many open files, mostly: to try again at once would take a whole core.
    void accept_later(error_code failed) {
        constexpr std::chrono::milliseconds while_others_go{100};
        state_.complain(log_level::warning, "cannot accept a connection: " + failed.message());
        pause_.expires_after(while_others_go);
        pause_.async_wait([this](error_code) { accept(); });
    }
    void admit(tcp::socket socket) {
        if (state_.visitors.size() >= sockets_max_) {
            visitor* const stranger = state_.visitors.oldest_stranger();
            state_.complain(
                log_level::warning,
                stranger != nullptr
                    ? "too many connections; the oldest without a token is closed"
                    : "too many connections, and all have a token; the new one is closed");
            if (stranger == nullptr) return;  // and with it the socket
            stranger->turn_away();
        }
        keep_alive(socket);
        serve_visitor(byte_stream(std::move(socket), tls_ ? &*tls_ : nullptr), state_);
    }

    void begin_to_stop() {
        stopping_ = true;
        error_code ignored;
        acceptor_.close(ignored);
        pause_.cancel();
        for (const auto& [number, who] : state_.visitors.all()) {
            if (state_.visitors.has(number)) who->stop();
        }
    }

    gateway_state state_;
    std::optional<tls_context> tls_;
    asio::io_context io_{1};  // has the connections, which use what is above
    tcp::acceptor acceptor_;
    asio::steady_timer pause_;
    std::string shown_host_;
    std::size_t sockets_max_ = 0;
    std::atomic<bool> stop_asked_{false};
    bool stopping_ = false;
    std::thread thread_;
};

gateway::gateway(gateway_options options)
    : self_(std::make_unique<implementation>(std::move(options))) {}
gateway::~gateway() = default;

std::string gateway::address() const { return self_->address(); }
std::string gateway::address(role of, const std::string& page) const {
    return self_->address(of, page);
}
std::string gateway::address_of(const gateway_options& options, role of, const std::string& page) {
    const tcp::endpoint place = place_of(options.listen);
    const bool with_tls = !options.certificate.empty();
    const auto called = names::of(host_of(place), place.port(), with_tls);
    return root_address(called.hosts.front(), with_tls) + page +
           fragment_of(of, tokens_of(options));
}
void gateway::run() { self_->run(); }
void gateway::start() { self_->start(); }
void gateway::stop() { self_->stop(); }

}  // namespace maus::web
