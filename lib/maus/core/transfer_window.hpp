// How many bytes of large payloads may be on their way on a link, in one direction.
//
// What is sent behind them waits until they have passed: small calls, and the heartbeats. Buffers in
// the kernel and the network take many MiB before anybody is told to wait. So the time that bytes
// take until the other side says that it has them decides, as in TCP Vegas (Brakmo, 1994) and LEDBAT
// (RFC 6817): while it is near the shortest one seen, the window grows by what was taken (slow start,
// RFC 5681); when it is much longer, they queue somewhere, and the window shrinks to what passes in good
// time, once for what was on its way.
//
// taken after       | window
// ------------------|---------------------------------------------
// shortest + quick  | + what was taken, if there was no room for more
// longer            | as it is
// shortest + slow   | x (shortest + quick) / the time it took
//
// Each `taken` costs both sides a message. So of payloads that go whole only as many are asked about that
// half of the window never goes without (1 MiB payloads, 16 at a time, over loopback: a quarter more of
// them a second than if each was).
//
// The shortest time is that of a piece that had the connection for itself, or less. So it follows a
// connection that becomes longer: sooner or later the window is one piece.
//
// Pure: no clock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "maus/base/time.hpp"

namespace maus::core {

using base::duration;
using base::instant;

class transfer_window {
public:
    /// `piece_bytes`: the least that is sent at a time, and the least window.
    explicit transfer_window(std::size_t piece_bytes)
        : piece_bytes_(piece_bytes), size_(4 * piece_bytes) {}

    [[nodiscard]] std::size_t size() const { return size_; }
    /// Whether so many bytes may be sent now. If nothing is asked about, nothing would make room.
    [[nodiscard]] bool has_room(std::size_t bytes) {
        const bool has = flights_.empty() || in_flight() + bytes <= size_;
        was_short_ = was_short_ || !has;
        return has;
    }
    /// How large the pieces of a payload that is cut are.
    [[nodiscard]] std::size_t piece() const {
        return std::clamp(size_ / 8, piece_bytes_, 16 * piece_bytes_);
    }

    void sent(std::size_t bytes, instant now);
    /// The same for a whole payload. False: nobody needs to be told that it was taken.
    [[nodiscard]] bool sent_whole(std::size_t bytes, instant now);
    /// So many bytes have come, of all that was ever sent. False: that cannot be.
    [[nodiscard]] bool taken(std::uint64_t bytes, instant now);
    /// Bytes are on their way that are asked about, and none has come for so long.
    [[nodiscard]] bool stands_still(instant now, duration bound) const {
        return !flights_.empty() && now >= base::after(moved_, bound);
    }

private:
    struct flight {             // that is asked about
        std::uint64_t end = 0;  // all that was sent up to and with it
        instant since{};
        bool measures = false;  // a piece that had the connection for itself
    };

    [[nodiscard]] std::uint64_t in_flight() const { return sent_ - taken_; }
    void learn(const flight& last, std::uint64_t came, bool was_short, instant now);

    static constexpr duration quick = std::chrono::milliseconds{100};
    static constexpr duration slow = std::chrono::milliseconds{250};

    std::size_t piece_bytes_;
    std::size_t size_;
    std::uint64_t sent_ = 0;
    std::uint64_t taken_ = 0;
    std::uint64_t asked_ = 0;      // all up to there will be told
    std::uint64_t shrunk_at_ = 0;  // how much had been sent then
    bool was_short_ = false;       // of room, since something was taken
    std::deque<flight> flights_;
    duration shortest_ = duration::max();
    instant moved_{};
};

}  // namespace maus::core
