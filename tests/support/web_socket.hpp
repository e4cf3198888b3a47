// A WebSocket client over a bare TCP connection: it masks by hand and may say whatever a test wants, also
// what no client would.
//
// Every wait for something that has to come is bounded (`patience`); what does not come is nothing, or
// an exception that says what was waited for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "support/wait.hpp"

namespace maus_test {

/// To 127.0.0.1.
class raw_connection {
public:
    explicit raw_connection(int port, int receive_buffer_bytes = 0);
    raw_connection(raw_connection&& other) noexcept;
    raw_connection(const raw_connection&) = delete;
    raw_connection& operator=(const raw_connection&) = delete;
    ~raw_connection();

    /// False: it does not take all of it in that time, or has gone.
    bool send(std::string_view bytes, std::chrono::milliseconds bound = patience);
    /// What has come: at least one byte; empty: nothing in that time, or it has ended (has_ended()).
    [[nodiscard]] std::string receive(std::chrono::milliseconds bound = patience);
    [[nodiscard]] bool has_ended() const { return ended_; }
    /// Says no more.
    void finish();

private:
    int fd_ = -1;
    bool ended_ = false;
};

/// The answer to a request over a connection of its own, until that ends.
struct http_answer {
    int status = 0;
    std::string head;
    std::string body;
};
/// `lines` are those of the header, each with its "\r\n"; `host` empty: none.
[[nodiscard]] http_answer http_get(int port, const std::string& path, const std::string& host,
                                   const std::string& lines = "",
                                   const std::string& method = "GET");

class web_socket {
public:
    struct asked {
        std::string host = "";  ///< "127.0.0.1:PORT"
        std::string origin = "";
        std::string path = "/maus";
        int receive_buffer_bytes = 0;  ///< 0: what the system gives
    };
    static constexpr int text = 1, binary = 2, close = 8, ping = 9, pong = 10;
    struct message {
        int opcode;
        std::string data;
    };

    explicit web_socket(int port) : web_socket(port, asked{}) {}
    web_socket(int port, const asked& options);
    /// Of the answer to the request: 101 if it is open.
    [[nodiscard]] int status() const { return status_; }

    bool send(int opcode, std::string_view data, std::chrono::milliseconds bound = patience);
    /// A part of a message, or what is no good frame.
    bool send_frame(int first_byte, std::string_view data, bool masked = true,
                    std::chrono::milliseconds bound = patience);
    bool send_raw(std::string_view bytes) { return connection_.send(bytes); }

    /// The next message; a close is one. Nothing: none came in that time, or the connection has ended.
    [[nodiscard]] std::optional<message> next(std::chrono::milliseconds bound = patience);
    /// Passes over messages until it is closed, and gives the code; 0: the connection ended without one.
    [[nodiscard]] int close_code();
    [[nodiscard]] bool has_ended() const { return connection_.has_ended(); }

private:
    [[nodiscard]] bool fill(std::size_t bytes, std::chrono::steady_clock::time_point end);

    raw_connection connection_;
    std::string unread_;
    int status_ = 0;
};

}  // namespace maus_test
