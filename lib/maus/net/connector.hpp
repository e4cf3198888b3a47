// The attempts to connect that are under way. Each `open` of a machine is one attempt; when to make
// another is the machine's decision (core/backoff.hpp).
//
// an attempt | event                                     | next
// -----------|-------------------------------------------|-----------
// looking up | addresses                                 | connecting
// looking up | none; look_up_max is over                 | failed
// connecting | handshake done                            | connected
// connecting | refused, closed, too slow; more addresses | connecting (the next one)
// connecting | refused; the last address                 | asking why
// connecting | closed, too slow; the last address        | failed
// asking why | an answer, or none in time                | failed
//
// What always holds:
// - Names are looked up anew at each attempt, and not by libzmq (resolver.hpp). Numbers and paths skip
//   that.
// - libzmq makes one connection and never another: ZMQ_RECONNECT_IVL is -1.
// - An attempt ends once: with a socket whose connection is there, or with why there is none.
//
// Not thread-safe. The resolver's threads leave their answers in a box and wake the owner.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "maus/base/id.hpp"
#include "maus/base/time.hpp"
#include "maus/net/resolver.hpp"
#include "maus/net/socket.hpp"

namespace maus::net {

class connector {
public:
    using socket_maker = std::function<std::unique_ptr<socket>()>;

    struct outcome {
        base::route at;
        std::unique_ptr<socket> connected;  ///< none: it failed
        int fd = -1;                        ///< of the connection
        bool closed = false;                ///< it was there, and is gone already
        std::string why;                    ///< it failed
    };

    /// `wake_fd` is an eventfd that outlives the connector. `make` may throw maus::error.
    connector(socket_maker make, int wake_fd);
    ~connector();
    connector(const connector&) = delete;
    connector& operator=(const connector&) = delete;

    /// `endpoint` has passed base::parse_endpoint, or comes from a peer and may be anything.
    void open(base::route at, const std::string& endpoint);
    /// Gives an attempt up. Nothing more is heard of it.
    void close(base::route at) { attempts_.erase(at); }
    void clear() { attempts_.clear(); }
    [[nodiscard]] bool is_busy() const { return !attempts_.empty(); }
    /// Takes note of what has happened, and returns the attempts that have ended.
    [[nodiscard]] std::vector<outcome> advance_to(base::instant now);
    [[nodiscard]] base::instant next_deadline() const;

private:
    enum class stage : std::uint8_t { looking_up, connecting, asking_why, ended };
    struct attempt {
        base::route at;
        base::endpoint place;              // its host is the address that is being tried
        std::vector<std::string> untried;  // addresses, the next one last
        std::unique_ptr<socket> by;
        stage is = stage::looking_up;
        base::instant begun{};  // this stage
        base::instant until = base::never;
        int fd = -1;             // of the connection
        bool connected = false;  // ended
        bool closed = false;
        std::string why;
    };
    /// What the resolver's threads say to the owner.
    struct answer_box;

    void look_up(attempt& by);
    void try_next(attempt& by, base::instant now);
    void ask_why(attempt& by, base::instant now);
    void take_answers(base::instant now);
    void read_events(attempt& of, base::instant now);
    void time_is_up(attempt& of, base::instant now);
    static void fail(attempt& which, std::string why);

    socket_maker make_;
    std::shared_ptr<answer_box> answers_;
    std::map<base::route, attempt> attempts_;
};

}  // namespace maus::net
