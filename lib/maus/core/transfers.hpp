// The large payloads of one link, in both directions (PROTOCOL.md, section 6.1).
//
// a payload that goes | event                                        | then
// --------------------|----------------------------------------------|----------------------------
// waits               | at most half of the window, and room for it  | sent whole
// waits               | larger; room for a piece                     | is cut: a part is sent
// is cut              | room for a piece                             | a part is sent
// is cut              | the same, and it is the last piece           | sent: its call or result
// waits, is cut       | withdrawn                                    | gone; an empty part says so
//
// One after the other, in the order in which they were added. What is small does not come by here, and
// overtakes them. What comes in parts, the reader of the link's messages puts together.
//
// Pure: no socket, clock or thread.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "maus/core/outbox.hpp"
#include "maus/core/scripts.hpp"
#include "maus/core/transfer_window.hpp"

namespace maus::core {

class transfers {
public:
    enum class side : std::uint8_t { worker, manager };
    /// A call or result, items of a stream, or a callback or its answer, with a large payload.
    struct transfer {
        wire::attempt of;
        std::uint16_t function = 0;
        bool at_most_once = false;
        base::buffer payload;
        base::buffer extended{};  ///< of a call: its encoded extensions
        std::uint32_t items = 0;  ///< so many items; 0: it is a call or result
        /// It is no call or result, but a callback of that attempt, or the answer to one.
        std::optional<wire::callback> callback{};
        /// Of a call: the scripts that it refers to, and those that its worker knows.
        std::pair<std::shared_ptr<const detail::script_list>, known_scripts*> scripts{};
    };

    transfers(side ours, const base::settings& settings);

    // --- what comes
    /// For the reader of the link's messages.
    [[nodiscard]] wire::unfinished_payload& unfinished() { return unfinished_; }
    /// A message is about to be read.
    void came(const wire::message& message);
    /// It was read: says what has come, if its sender wants to be told.
    void tell(link_address& from, outbox& out);

    // --- what goes
    void add(transfer&& next) {
        waiting_bytes_ += next.payload.size();
        if (!next.callback) ++unsent_;
        waiting_.push_back(std::move(next));
    }
    /// Sends what there is room for, and returns which calls or results have been sent to their ends.
    std::vector<wire::attempt> pump(instant now, link_address& to, outbox& out);
    /// It is not wanted any more, and not sent to its end.
    void withdraw(wire::attempt which, link_address& to, outbox& out);
    /// The payloads that are not all sent.
    [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
    /// How many calls, results and runs of items are not sent to their ends.
    [[nodiscard]] std::size_t unsent() const { return unsent_; }
    /// The other side has read so many bytes of what was sent. False: that cannot be.
    [[nodiscard]] bool taken(std::uint64_t bytes, instant now) { return window_.taken(bytes, now); }
    [[nodiscard]] bool stand_still(instant now, duration bound) const {
        return window_.stands_still(now, bound);
    }

private:
    [[nodiscard]] std::size_t next_piece() const;
    void send_whole(transfer& which, bool told, wire::link_writer to) const;
    void send_last(transfer& which, wire::link_writer to) const;
    [[nodiscard]] wire::record_type carrier() const;
    [[nodiscard]] base::buffer cut(transfer& which, std::size_t bytes) const;

    side ours_;
    wire::unfinished_payload unfinished_;
    std::uint64_t came_ = 0;
    std::deque<transfer> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::size_t unsent_ = 0;  // not counted anew: who leaves asks at each record of a flood
    std::size_t offset_ = 0;  // of the first: so much of it is sent
    transfer_window window_;
};

}  // namespace maus::core
