#include "broker/web/page_visit.hpp"

#include <fstream>
#include <optional>

#include <boost/asio/steady_timer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "broker/web/peer.hpp"

namespace maus::web {

namespace http = beast::http;
namespace fs = std::filesystem;

namespace {

std::string_view view(beast::string_view text) { return {text.data(), text.size()}; }

/// Nothing: there is no such file, or it leads out of its folder of the root.
std::optional<std::string> contents(const fs::path& root, const std::string& file) {
    constexpr std::uintmax_t bytes_max = 16u << 20;
    std::error_code failed;
    const fs::path base = fs::canonical(root / file.substr(0, file.find('/')), failed);
    if (failed) return std::nullopt;
    const fs::path path = fs::canonical(root / file, failed);
    if (failed || !path.string().starts_with(base.string() + "/")) return std::nullopt;
    if (!fs::is_regular_file(path, failed) || fs::file_size(path, failed) > bytes_max || failed) {
        return std::nullopt;
    }
    std::ifstream in(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) return std::nullopt;
    return text;
}

class page_visit final : public visitor, public std::enable_shared_from_this<page_visit> {
public:
    page_visit(byte_stream stream, gateway_state& state)
        : state_(state),
          number_(state.visitors.enter(*this)),
          stream_(std::move(stream)),
          timer_(stream_.get_executor()) {}
    ~page_visit() override {
        if (!went_on_) state_.visitors.leave(number_);
    }

    void start() {
        allow_time();
        stream_.async_handshake([self = shared_from_this()](error_code failed) {
            if (failed) return self->end();
            self->read();
        });
    }
    void stop() override { end(); }
    void turn_away() override { end(); }

private:
    void allow_time() {
        began_ = net::clock_now();
        timer_.expires_after(state_.config.handshake_max);
        timer_.async_wait([self = shared_from_this()](error_code failed) {
            if (!failed) self->end();
        });
    }
    void read() {
        constexpr std::uint32_t header_bytes_max = 8192;
        asked_.emplace();
        asked_->header_limit(header_bytes_max);
        asked_->body_limit(0);
        http::async_read(stream_, buffer_, *asked_,
                         [self = shared_from_this()](error_code failed, std::size_t) {
                             if (failed) return self->end();
                             self->answer();
                         });
    }

    void answer() {
        const auto& request = asked_->get();
        const auto hosts = request.equal_range(http::field::host);
        const bool one_host = hosts.first != hosts.second && std::next(hosts.first) == hosts.second;
        const std::string_view host = one_host ? view(hosts.first->value()) : std::string_view{};
        if (!state_.called.knows_host(host)) {
            state_.complain(log_level::warning, "refused a request for the Host '" +
                                                    wire::printable(host) +
                                                    "', by which this gateway is not called");
            return say(http::status::forbidden, "This gateway has another name.\n");
        }
        const std::string_view path = path_of(view(request.target()));
        if (beast::websocket::is_upgrade(request)) return upgrade(path);
        if (request.method() != http::verb::get && request.method() != http::verb::head) {
            return say(http::status::method_not_allowed, "Only GET and HEAD are known here.\n");
        }
        if (path == socket_path) {
            return say(http::status::upgrade_required, "This is for WebSockets.\n");
        }
        const auto page = page_at(path);
        auto text = page && !state_.root.empty() ? contents(state_.root, page->file) : std::nullopt;
        if (!text) return say(http::status::not_found, "There is no such page.\n");
        say(http::status::ok, std::move(*text), page->type, security_policy(host));
    }

    void upgrade(std::string_view path) {
        const auto& request = asked_->get();
        // Whoever is no browser need not have an Origin, and could say any.
        const auto origins = request.equal_range(http::field::origin);
        for (auto each = origins.first; each != origins.second; ++each) {
            if (state_.called.knows_origin(view(each->value()))) continue;
            state_.complain(log_level::warning, "refused a WebSocket from the Origin '" +
                                                    wire::printable(view(each->value())) + "'");
            return say(http::status::forbidden, "This Origin is not allowed.\n");
        }
        if (path != socket_path) return say(http::status::not_found, "WebSockets are at /maus.\n");
        if (buffer_.size() != 0) {
            return say(http::status::bad_request, "Something follows the request.\n");
        }
        went_on_ = true;
        timer_.cancel();
        serve_peer(std::move(stream_), request, state_, number_, began_);
    }

    void say(http::status status, std::string body,
             std::string_view type = "text/plain; charset=utf-8",
             const std::string& policy = "default-src 'none'") {
        const auto& request = asked_->get();
        answer_ = {};
        answer_.result(status);
        answer_.version(request.version());
        answer_.set(http::field::content_type, beast::string_view(type.data(), type.size()));
        answer_.set(http::field::cache_control, "no-store");
        answer_.set("Content-Security-Policy", policy);
        answer_.set("X-Content-Type-Options", "nosniff");
        answer_.set("Referrer-Policy", "no-referrer");
        answer_.set("Cross-Origin-Resource-Policy", "same-origin");
        answer_.set("Cross-Origin-Opener-Policy", "same-origin");
        answer_.keep_alive(request.keep_alive() && status == http::status::ok);
        answer_.content_length(body.size());
        if (request.method() != http::verb::head) answer_.body() = std::move(body);
        http::async_write(
            stream_, answer_,
            [self = shared_from_this()](error_code failed, std::size_t) { self->said(failed); });
    }
    void said(error_code failed) {
        if (failed || !answer_.keep_alive() || ended_) {
            error_code ignored;
            stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
            return end();
        }
        allow_time();
        read();
    }

    void end() {
        if (ended_ || went_on_) return;
        ended_ = true;
        timer_.cancel();
        stream_.close();
    }

    gateway_state& state_;
    const visitors::number number_;
    byte_stream stream_;
    asio::steady_timer timer_;
    base::instant began_{};
    beast::flat_buffer buffer_;
    std::optional<http::request_parser<http::empty_body>> asked_;
    http::response<http::string_body> answer_;
    bool went_on_ = false;
    bool ended_ = false;
};

}  // namespace

void serve_visitor(byte_stream stream, gateway_state& state) {
    std::make_shared<page_visit>(std::move(stream), state)->start();
}

}  // namespace maus::web
