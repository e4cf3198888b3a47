// A TCP connection, with TLS or without: one type, so that HTTP and WebSockets are compiled once.
#pragma once

#include <memory>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket/teardown.hpp>
#ifdef MAUS_WEB_TLS
#include <boost/asio/ssl.hpp>
#endif

namespace maus::web {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;
using boost::system::error_code;

#ifdef MAUS_WEB_TLS
using tls_context = asio::ssl::context;
#else
struct tls_context {};
#endif

class byte_stream {
public:
    using executor_type = tcp::socket::executor_type;

    /// `tls`: null for none; outlives it.
    byte_stream(tcp::socket socket, [[maybe_unused]] tls_context* tls)
        : socket_(std::make_unique<tcp::socket>(std::move(socket))) {
#ifdef MAUS_WEB_TLS
        if (tls != nullptr)
            tls_ = std::make_unique<asio::ssl::stream<tcp::socket&>>(*socket_, *tls);
#endif
    }
    byte_stream(byte_stream&&) = default;

    [[nodiscard]] executor_type get_executor() { return socket_->get_executor(); }
    [[nodiscard]] tcp::socket& socket() { return *socket_; }
    void close() noexcept {
        error_code ignored;
        socket_->close(ignored);
    }

    template <class Handler>
    void async_handshake(Handler&& done) {
#ifdef MAUS_WEB_TLS
        if (tls_) {
            return tls_->async_handshake(asio::ssl::stream_base::server,
                                         std::forward<Handler>(done));
        }
#endif
        done(error_code{});
    }
    template <class Buffers, class Handler>
    void async_read_some(const Buffers& into, Handler&& done) {
#ifdef MAUS_WEB_TLS
        if (tls_) return tls_->async_read_some(into, std::forward<Handler>(done));
#endif
        socket_->async_read_some(into, std::forward<Handler>(done));
    }
    template <class Buffers, class Handler>
    void async_write_some(const Buffers& from, Handler&& done) {
#ifdef MAUS_WEB_TLS
        if (tls_) return tls_->async_write_some(from, std::forward<Handler>(done));
#endif
        socket_->async_write_some(from, std::forward<Handler>(done));
    }

    // What Beast looks for. Both sides have said that they close: TLS has nothing to add.
    friend void beast_close_socket(byte_stream& of) { of.close(); }
    friend void teardown(beast::role_type role, byte_stream& of, error_code& failed) {
        beast::websocket::teardown(role, of.socket(), failed);
    }
    template <class Handler>
    friend void async_teardown(beast::role_type role, byte_stream& of, Handler&& done) {
        beast::websocket::async_teardown(role, of.socket(), std::forward<Handler>(done));
    }

private:
    std::unique_ptr<tcp::socket> socket_;  // it stays where it is when the stream is moved
#ifdef MAUS_WEB_TLS
    std::unique_ptr<asio::ssl::stream<tcp::socket&>> tls_;
#endif
};

}  // namespace maus::web
