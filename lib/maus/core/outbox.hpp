// What a state machine wants done, and what it is told.
//
// Inputs from the transport are `up`, `received` and `down`; a route is one connection and is never
// used again after its `down`. What the machine wants done lies in an outbox as plain values, which
// the shell applies fully and in order. A shell may feed all the inputs of one drain before it
// applies what they led to: so records that are ready together become one message.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "maus/base/id.hpp"
#include "maus/base/settings.hpp"
#include "maus/base/time.hpp"
#include "maus/log_level.hpp"
#include "maus/wire/control.hpp"
#include "maus/wire/link.hpp"
#include "maus/wire/message.hpp"

namespace maus::core {

using base::duration;
using base::instant;
using base::never;
using base::route;

/// A connection that the machine asked for is there.
struct up {
    route from;
};
/// A message. On a bound socket, the first from its route says that there is a new connection.
struct received {
    route from;
    wire::message message;
};
/// The connection is gone, for good. Also the answer to a peer that does not take what it is sent.
struct down {
    route from;
    std::string why;
};

/// Numbers the routes that a machine makes up. A transport's own routes have larger numbers.
class route_numbers {
public:
    [[nodiscard]] route make() { return route{++made_}; }
    [[nodiscard]] bool made(route which) const { return which.value <= made_; }

private:
    std::uint64_t made_ = 0;
};

/// Connect; `to` is a route that the machine made up. Answered by `up`, whenever that may be.
struct open {
    route to;
    std::string endpoint;
};
/// Give the connection up, after what was sent on it before. No `down` follows.
struct close {
    route to;
};
struct send {
    route to;
    std::optional<base::lease_id> relayed;  ///< put into a relay message of this lease
    wire::message message;
    std::size_t records = 0;
};
struct note {
    log_level level;
    std::string text;
    bool repeats = false;  ///< a peer can cause it again and again: see repeated_notes.hpp
};

/// Where a link's records go, and the message that they are gathered in.
struct link_address {
    route to;
    std::optional<base::lease_id> relayed;
    std::uint64_t outbox_serial = 0;
    std::size_t at = 0;
};

class outbox {
public:
    using effect = std::variant<open, close, send, note>;

    explicit outbox(const base::settings& settings) : limits_(settings.limits) {}

    template <class Effect>  // constructed in place: GCC 12 warns falsely at a variant's move
    void push(Effect wanted) {
        effects_.emplace_back(std::in_place_type<Effect>, std::move(wanted));
    }
    void control(route to, const wire::control& message, const wire::extensions& extended = {});
    void log(log_level level, std::string text) { push(note{level, std::move(text)}); }
    /// What a peer did wrong, and can do again and again.
    void complain(log_level level, std::string text) { push(note{level, std::move(text), true}); }

    /// A writer for one record to `to`: in the message that is being gathered, or in a new one when
    /// that is full. A record with a large payload has a message of its own: those before it would
    /// have to wait until all of it has come. Use it before the next call of anything here.
    [[nodiscard]] wire::link_writer link(link_address& to, std::size_t payload_bytes = 0);
    /// The same, in a message of its own.
    [[nodiscard]] wire::link_writer link_alone(link_address& to);

    [[nodiscard]] bool empty() const { return effects_.empty(); }
    [[nodiscard]] std::vector<effect>& effects() { return effects_; }
    /// All was applied.
    void clear() {
        effects_.clear();
        ++serial_;
    }

private:
    const limits& limits_;
    std::vector<effect> effects_;
    std::uint64_t serial_ = 1;
};

inline wire::link_writer outbox::link(link_address& to, std::size_t payload_bytes) {
    if (to.outbox_serial == serial_ && payload_bytes < limits_.payload_apart_bytes) {
        auto* batch = std::get_if<send>(&effects_[to.at]);
        const bool full = batch->records >= limits_.batch_records_max ||
                          batch->message.first.size() >= limits_.batch_bytes_max ||
                          !batch->message.rest.empty();
        if (!full) {
            ++batch->records;
            return {batch->message, limits_};
        }
    }
    return link_alone(to);
}

}  // namespace maus::core
