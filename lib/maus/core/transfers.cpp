#include "maus/core/transfers.hpp"

#include <algorithm>
#include <utility>

#include "maus/base/assert.hpp"
#include "maus/base/shared_buffer.hpp"

namespace maus::core {

namespace {
using type = wire::record_type;

constexpr type part_of(transfers::side which) {
    return which == transfers::side::worker ? type::worker_part : type::manager_part;
}
constexpr type taken_of(transfers::side which) {
    return which == transfers::side::worker ? type::worker_taken : type::manager_taken;
}
constexpr transfers::side other(transfers::side which) {
    return which == transfers::side::worker ? transfers::side::manager : transfers::side::worker;
}
}  // namespace

transfers::transfers(side ours, const base::settings& settings)
    : ours_(ours),
      unfinished_{part_of(other(ours)), settings.limits.message_bytes_max, {}},
      window_(std::max(2 * settings.limits.payload_apart_bytes, std::size_t{64})) {}

void transfers::came(const wire::message& message) {
    for (const auto& frame : message.rest) came_ += frame.size();
}

void transfers::tell(link_address& from, outbox& out) {
    if (std::exchange(unfinished_.tell, false)) out.link(from).taken(taken_of(ours_), came_);
}

std::size_t transfers::next_piece() const {
    const std::size_t left = waiting_.front().payload.size() - offset_;
    const bool may_go_whole = offset_ == 0 && left <= window_.size() / 2;
    return may_go_whole ? left : std::min(left, window_.piece());
}

std::vector<wire::attempt> transfers::pump(instant now, link_address& to, outbox& out) {
    std::vector<wire::attempt> done;
    while (!waiting_.empty()) {
        const std::size_t bytes = next_piece();
        if (!window_.has_room(bytes)) break;
        transfer& next = waiting_.front();
        if (offset_ + bytes < next.payload.size()) {
            window_.sent(bytes, now);
            out.link_alone(to).part_of_payload(part_of(ours_), offset_, cut(next, bytes));
            offset_ += bytes;
            continue;
        }
        MAUS_ASSERT(waiting_bytes_ >= next.payload.size(), "a payload is sent twice");
        waiting_bytes_ -= next.payload.size();
        // Not before: what is sent beside the parts may make the worker forget others.
        if (next.scripts.first) tell_scripts(*next.scripts.first, *next.scripts.second, to, out);
        if (offset_ == 0) {
            send_whole(next, window_.sent_whole(bytes, now), out.link_alone(to));
        } else {
            window_.sent(bytes, now);
            send_last(next, out.link_alone(to));
        }
        if (!next.callback) {
            done.push_back(next.of);
            --unsent_;
        }
        waiting_.pop_front();
        offset_ = 0;
    }
    return done;
}

wire::record_type transfers::carrier() const {
    return ours_ == side::worker ? type::callback : type::callback_result;
}

void transfers::send_whole(transfer& which, bool told, wire::link_writer to) const {
    const std::uint8_t flags = told ? 0 : wire::flag_untold;
    if (which.items != 0) {
        return to.items(which.of, which.items, std::move(which.payload), true, flags);
    }
    if (which.callback) {
        to.carry_apart(carrier(), which.of, *which.callback, std::move(which.payload), flags);
        return;
    }
    if (ours_ == side::worker) return to.result_apart(which.of, std::move(which.payload), flags);
    to.call_apart(which.of, which.function, which.at_most_once, which.payload, flags,
                  which.extended.view());
}

void transfers::send_last(transfer& which, wire::link_writer to) const {
    base::buffer piece = cut(which, which.payload.size() - offset_);
    if (which.items != 0) {
        return to.items(which.of, which.items, std::move(piece), true, wire::flag_continued);
    }
    if (which.callback) {
        to.carry_apart(carrier(), which.of, *which.callback, std::move(piece),
                       wire::flag_continued);
        return;
    }
    if (ours_ == side::worker) return to.last_of_result(which.of, std::move(piece));
    to.last_of_call(which.of, which.function, which.at_most_once, std::move(piece),
                    which.extended.view());
}

// The bytes stay where they are.
base::buffer transfers::cut(transfer& which, std::size_t bytes) const {
    auto keeper = base::keeper(which.payload);
    return base::share(std::move(keeper), which.payload.view().subspan(offset_, bytes));
}

// It looks through what waits, which is at most what queued_bytes_max has room for. No peer makes it: what is
// withdrawn is what this end's program gave up.
void transfers::withdraw(wire::attempt which, link_address& to, outbox& out) {
    const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const transfer& each) {
        return each.of == which && !each.callback;
    });
    if (found == waiting_.end()) return;
    if (found == waiting_.begin() && std::exchange(offset_, 0) != 0) {
        out.link_alone(to).part_of_payload(part_of(ours_), 0, {});
    }
    waiting_bytes_ -= found->payload.size();
    --unsent_;
    waiting_.erase(found);
    MAUS_ASSERT(!waiting_.empty() || (waiting_bytes_ == 0 && offset_ == 0),
                "bytes of nothing wait");
}

}  // namespace maus::core
