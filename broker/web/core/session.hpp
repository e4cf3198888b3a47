// One WebSocket peer of a gateway: what it may do, when it is spoken to, and when it has to go.
//
// state    | event                                     | next    | what is to be done
// ---------|-------------------------------------------|---------|--------------------------------
// greeting | a text with a token that is known         | joining | connect to the parkserver
// greeting | any other message                         | closed  | close 4401
// greeting | no message within handshake_max           | closed  | close 4408
// joining  | up                                        | open    | say the role
// joining  | down                                      | closed  | close 4503
// open     | binary: a message that the role allows    | open    | send it to the parkserver
// open     | binary: of a type that is not known       | open    | say unimplemented, or nothing
// open     | binary: a message that it does not allow  | closed  | close 4403
// open     | binary that is no message, or a text      | closed  | close 4400
// open     | received                                  | open    | say it
// open     | down                                      | closed  | close 4503
// open     | the peer takes nothing for stall_max, or  | closed  | close 4429
//          | more waits for it than queued_bytes_max   |         |
// any      | gone: the WebSocket has closed            | closed  | disconnect from the parkserver
// any      | stop                                      | closed  | close 1001
//
// Backpressure: `hears_peer()` and `hears_parkserver()` say from whom the shell may read more. Of the peer
// nothing is read while much waits for the parkserver, or for the peer itself (it could ask for answers
// that it never reads); of the parkserver nothing while much waits for the peer.
//
// Pure: no socket, no clock.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/web/core/roles.hpp"
#include "broker/web/core/tokens.hpp"
#include "maus/base/time.hpp"
#include "maus/limits.hpp"
#include "maus/log_level.hpp"
#include "maus/wire/message.hpp"

namespace maus::web {

/// What all sessions of a gateway share.
struct session_config {
    web::tokens tokens;
    /// message_bytes_max: of one binary message, told to the peer.
    maus::limits limits = {};
    base::duration handshake_max = std::chrono::seconds{10};
    base::duration stall_max =
        std::chrono::seconds{30};  ///< and a second for each 32 KiB that wait
    /// From here on nothing more is read that would make more wait.
    std::size_t much_bytes = 1u << 20;

    /// What may wait for one peer: `much_bytes`, and what is read at a time beyond.
    [[nodiscard]] std::size_t queued_bytes_max() const {
        return much_bytes + 2 * (limits.message_bytes_max + limits.control_bytes_max);
    }
};

enum class close_code : std::uint16_t {
    stopping = 1001,
    malformed = 4400,
    no_token = 4401,
    not_allowed = 4403,
    too_slow = 4408,
    too_large = 4413,
    too_much_queued = 4429,
    no_parkserver = 4503,
};

// What a session wants done, in this order.
struct connect {};     ///< to the parkserver; answered by up() or down()
struct disconnect {};  ///< from it, after what was sent to it before
struct pass_on {       ///< to the parkserver
    wire::message message;
};
struct say_text {
    std::string text;
};
struct say {  ///< a binary message
    std::string binary;
};
struct close {  ///< the WebSocket; nothing follows but a `complain`
    close_code code;
    std::string why;
};
struct complain {  ///< what peers can cause again and again
    log_level level;
    std::string text;
};
using effect = std::variant<connect, disconnect, pass_on, say_text, say, close, complain>;
using effects = std::vector<effect>;

class session {
public:
    enum class state : std::uint8_t { greeting, joining, open, closed };

    session(const session_config& config, base::instant now);

    // From the peer. After it is closed, nothing has an effect.
    /// `token`: what the text has as such, if it is the JSON that it should be.
    void text(std::optional<std::string_view> token, effects& out);
    void binary(base::byte_view bytes, base::instant now, effects& out);
    void gone(effects& out);

    // From the parkserver.
    void up(effects& out);
    void received(const wire::message& message, base::instant now, effects& out);
    void down(std::string_view why, effects& out);

    /// So many bytes of what was said were taken.
    void written(std::size_t bytes, base::instant now);
    /// So many bytes wait for the parkserver.
    void parkserver_has_waiting(std::size_t bytes) { waiting_for_parkserver_ = bytes; }
    void advance_to(base::instant now, effects& out);
    void stop(effects& out);

    [[nodiscard]] bool hears_peer() const;
    [[nodiscard]] bool hears_parkserver() const;
    [[nodiscard]] base::instant next_deadline() const { return deadline_; }
    [[nodiscard]] state is() const { return state_; }
    [[nodiscard]] std::size_t waiting_for_peer() const { return waiting_for_peer_; }
    /// The largest message that the peer may send now.
    [[nodiscard]] std::size_t message_bytes_max() const;

private:
    void on_message(wire::message message, base::instant now, effects& out);
    void tell(std::string binary, base::instant now, effects& out);
    void end(close_code code, std::string why, effects& out);
    void refuse(close_code code, const std::string& why, effects& out);
    [[nodiscard]] base::instant stall_deadline(base::instant now) const;

    const session_config& config_;
    state state_ = state::greeting;
    web::role role_ = role::observer;
    bool connected_ = false;
    std::size_t waiting_for_peer_ = 0;
    std::size_t waiting_for_parkserver_ = 0;
    base::instant deadline_;
};

}  // namespace maus::web
