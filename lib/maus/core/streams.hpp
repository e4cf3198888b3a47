// The credit of streams (PROTOCOL.md, section 6.4), at both ends.
//
// a manager's call | event                             | then
// -----------------|-----------------------------------|--------------------------------------
// is sent          |                                   | credit: the window less what is unread
// is sent          | item, within the credit           | it is unread
// is sent          | item beyond the credit            | the worker breaks the protocol
// any              | items are read                    | they are credit again: more, if it is sent
// is queued again  | (its worker was lost)             | skip: all that came
//
// Pure: no socket, clock or thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

#include "maus/base/time.hpp"
#include "maus/wire/call_extensions.hpp"

namespace maus::core {

/// What the caller of a stream declares.
struct stream_terms {
    std::uint32_t items_max = 1;  ///< unread at the caller
    std::uint64_t bytes_max = 1;  ///< the same; and one item more
    bool replayable = false;
};

/// The items of one call, at its manager. All counts are of the call, whatever its attempts.
class stream_account {
public:
    explicit stream_account(const stream_terms& terms)
        : terms_{std::max(terms.items_max, 1u), std::max<std::uint64_t>(terms.bytes_max, 1),
                 terms.replayable} {}

    [[nodiscard]] bool is_replayable() const { return terms_.replayable; }
    /// How many items have come.
    [[nodiscard]] std::uint64_t delivered() const { return came_.items; }
    /// Of them, of the present attempt.
    [[nodiscard]] std::uint64_t delivered_now() const { return came_.items - begun_at_; }

    /// An attempt is sent: with this credit.
    [[nodiscard]] wire::stream_credit begin(base::instant now) {
        begun_at_ = came_.items;
        moved_at_ = now;
        told_ = came_;
        const auto grown = tell();
        return {grown.items, grown.bytes, came_.items};
    }
    /// Items have come. False: more than there was credit for.
    [[nodiscard]] bool came(std::uint32_t count, std::uint64_t bytes, std::uint64_t last,
                            base::instant now) {
        // The last one may go beyond.
        const bool has_credit =
            count <= told_.items - came_.items && came_.bytes + (bytes - last) < told_.bytes;
        if (!has_credit) return false;
        came_.items += count;
        came_.bytes += bytes;
        moved_at_ = now;
        return true;
    }
    /// The last so many of what came are handed to nobody, and the call is over.
    void spoilt(std::uint32_t count) { came_.items -= count; }
    struct grant {
        std::uint32_t items = 0;
        std::uint64_t bytes = 0;
    };
    /// Items were read. Gives the credit that is to be told, if the call is sent.
    [[nodiscard]] std::optional<grant> read(std::uint32_t count, std::uint64_t bytes, bool is_sent,
                                            base::instant now) {
        read_.items = std::min(came_.items, read_.items + count);
        read_.bytes = std::min(came_.bytes, read_.bytes + bytes);
        if (!is_sent) return std::nullopt;
        if (!has_credit()) moved_at_ = now;  // only now its function has something to do
        const grant more = tell();
        if (more.items == 0 && more.bytes == 0) return std::nullopt;
        return more;
    }
    /// Whether its worker may send something.
    [[nodiscard]] bool has_credit() const {
        return came_.items < told_.items && came_.bytes < told_.bytes;
    }
    /// When the present attempt sent something last, or could again.
    [[nodiscard]] base::instant moved_at() const { return moved_at_; }

private:
    struct total {
        std::uint64_t items = 0, bytes = 0;
    };

    // What was told grows to what may come, as far as a record can say that.
    grant tell() {
        constexpr std::uint64_t items_max = std::numeric_limits<std::uint32_t>::max();
        const total limit{read_.items + terms_.items_max, read_.bytes + terms_.bytes_max};
        grant more;
        if (limit.items > told_.items) {
            more.items = static_cast<std::uint32_t>(std::min(limit.items - told_.items, items_max));
        }
        if (limit.bytes > told_.bytes) more.bytes = limit.bytes - told_.bytes;
        told_.items += more.items;
        told_.bytes += more.bytes;
        return more;
    }

    stream_terms terms_;
    total came_, read_, told_;
    std::uint64_t begun_at_ = 0;
    base::instant moved_at_{};
};

/// The credit of one stream at its worker.
class item_credit {
public:
    item_credit() = default;
    explicit item_credit(const wire::stream_credit& from)
        : items_(from.items), bytes_(from.bytes), skip_(from.skip) {}

    void add(std::uint32_t items, std::uint64_t bytes) {
        constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
        items_ = items_ > most - items ? most : items_ + items;
        const std::uint64_t owed = std::min(over_, bytes);
        over_ -= owed;
        bytes -= owed;
        bytes_ = bytes_ > most - bytes ? most : bytes_ + bytes;
    }
    /// Whether the next item may be sent.
    [[nodiscard]] bool any() const { return items_ != 0 && bytes_ != 0; }
    void spend(std::uint64_t bytes) {
        --items_;
        over_ += bytes - std::min(bytes_, bytes);
        bytes_ -= std::min(bytes_, bytes);
    }
    /// True: the next item is one that is not sent.
    [[nodiscard]] bool take_skip() {
        if (skip_ == 0) return false;
        --skip_;
        return true;
    }
    [[nodiscard]] bool skips() const { return skip_ != 0; }

private:
    std::uint64_t items_ = 0, bytes_ = 0;
    std::uint64_t over_ = 0;  // the last item had so many bytes more than there were
    std::uint64_t skip_ = 0;
};

}  // namespace maus::core
