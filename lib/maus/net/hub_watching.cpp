// What comes to a hub and is never a message: one that does not end, and connections that leave the
// process no descriptors (hub.hpp).
//
// libzmq says nothing of a message before its last frame, so the bytes that have come are compared with
// whether messages came (over ipc, where nobody counts them: the memory that the process has grown by). A
// look is a system call or two for each connection, so connections are only looked at when the process's
// memory has grown, and a twentieth of the time goes by with it at most.
#include <algorithm>
#include <utility>

#include "maus/net/clock.hpp"
#include "maus/net/hub.hpp"
#include "maus/net/hub_connection.hpp"

namespace maus::net {

namespace {
constexpr std::chrono::milliseconds look_interval{25};
constexpr int look_share =
    20;  // of the time: with thousands of connections a look takes milliseconds
constexpr std::size_t growth_that_matters = 4u << 20;
constexpr std::chrono::seconds crowd_log_interval{10};

constexpr unsigned bit_of(wire::channel on) { return 1u << static_cast<unsigned>(on); }
}  // namespace

// Payloads travel on links and relays, and a parkserver that was connected to may have a long status.
// All else is small: at most a hello with as many functions as there may be, and as long.
std::size_t hub::unfinished_bytes_max(const connection* whose) const {
    constexpr unsigned with_payloads = bit_of(wire::channel::link) | bit_of(wire::channel::relay);
    if (whose != nullptr && (whose->dealer || (whose->spoken_to && ((whose->speaks | whose->heard) &
                                                                    with_payloads) != 0))) {
        return 2 * (settings_.limits.message_bytes_max + settings_.limits.control_bytes_max);
    }
    return settings_.limits.control_bytes_max +
           settings_.limits.functions_max * settings_.limits.signature_bytes_max;
}

// What was seen at the last look has been read since, for a look follows a full drain; if no message
// came of it, then it is part of one.
bool hub::is_over(transfer& coming, int fd, connection* whose, look& now) {
    if (coming.ended) return false;
    const auto received = bytes_received(fd);
    const bool was_heard = whose != nullptr && whose->heard != 0;
    if (!received) {
        if (was_heard) {
            if ((whose->heard & connection::heard_payload) != 0) ++now.counted;
            whose->speaks |= whose->heard;
            whose->heard = 0;
            coming.grown = 0;
            coming.coming_since = base::never;
        } else if (bytes_unread(fd) != 0) {
            now.uncounted.push_back({&coming, fd, whose});
        }
        return false;
    }
    const std::size_t bytes_max = unfinished_bytes_max(whose);
    if (*received > coming.seen) ++now.counted;
    const bool is_over = !was_heard && coming.seen > coming.delivered + bytes_max;
    if (was_heard) {
        whose->speaks |= whose->heard;
        whose->heard = 0;
        coming.delivered = *received;
    }
    coming.seen = *received;
    if (coming.seen > coming.delivered + bytes_max) {
        // What libzmq has not taken yet costs the process nothing.
        coming.seen -= std::min(bytes_unread(fd), coming.seen);
        if (coming.seen > coming.delivered + bytes_max) look_again_ = true;
    }
    return is_over;
}

// Over ipc the system does not count what comes. But what libzmq keeps of an unfinished message the process
// has grown by, and who sends one without end is nearly always ahead of who reads it. So what the process
// grew by is shared out among those of whom something comes. That is no exact measure: a program may grow for
// reasons of its own while a good peer's message is on its way. So there is more room, and time for the message.
std::vector<hub::uncounted_transfer> hub::uncounted_over(const look& all) const {
    constexpr std::size_t room = 32u << 20;
    constexpr std::chrono::milliseconds time{200};
    const base::instant now = clock_now();
    std::vector<uncounted_transfer> over;
    const std::size_t sharing = all.uncounted.size() + all.counted;
    for (const auto& each : all.uncounted) {
        transfer& its = *each.coming;
        its.grown += all.memory_growth / sharing;
        if (its.coming_since == base::never) its.coming_since = now;
        const bool is_large = its.grown > unfinished_bytes_max(each.whose) + room;
        if (is_large && now >= base::after(its.coming_since, time)) over.push_back(each);
    }
    return over;
}

// Since it last mattered; 0: it does not; nothing: the system does not tell.
std::optional<std::size_t> hub::memory_growth() {
    const auto memory = memory_.resident_bytes();
    if (!memory) return std::nullopt;
    memory_at_look_ = std::min(*memory, memory_at_look_);
    const std::size_t growth = *memory - memory_at_look_;
    if (growth < growth_that_matters) return 0;
    memory_at_look_ = *memory;
    return growth;
}

// After a full drain, or so many messages that each connection had its turn.
void hub::look_at_transfers() {
    look_is_due_ = false;
    read_since_look_ = 0;
    const base::instant now = clock_now();
    if (now < next_look_ || (open_fds_.empty() && dealers_.empty())) return;
    next_look_ = base::after(now, look_interval);
    const auto growth = memory_growth();
    if (!std::exchange(look_again_, false) && growth == std::size_t{0}) return;
    cut_off_endless(growth.value_or(0));
    const base::duration rest = look_share * (clock_now() - now);
    next_look_ = look_again_ ? now : std::max(next_look_, base::after(now, rest));
}

void hub::cut_off_endless(std::size_t growth) {
    if (router_) note_router_events();
    look now{growth, {}, 0};
    std::vector<place> over;
    std::vector<connection*> dealers_over;
    for (auto& [fd, coming] : open_fds_) {
        if (is_over(coming, fd, peer_at(fd), now)) over.push_back({fd, coming.serial});
    }
    for (connection* each : dealers_) {
        if (!each->failed && is_over(each->coming, each->fd, each, now))
            dealers_over.push_back(each);
    }
    for (const auto& each : uncounted_over(now)) {
        if (each.whose != nullptr && each.whose->dealer) {
            dealers_over.push_back(each.whose);
        } else {
            over.push_back({each.fd, each.coming->serial});
        }
    }
    constexpr const char* why = "it sends a message without end";
    for (const auto& each : over) {
        // To cut one off reads the monitor: the next descriptor may be another connection's by then.
        const auto known = open_fds_.find(each.fd);
        if (known == open_fds_.end() || known->second.serial != each.serial) continue;
        known->second.ended = true;
        cut_off(each.fd, why);
    }
    for (connection* each : dealers_over) cut_off(*each, why);
}

void hub::turn_away_crowd() {
    if (crowd_.empty()) return;
    for (const auto& each : std::exchange(crowd_, {})) {
        const auto known = open_fds_.find(each.fd);
        if (known != open_fds_.end() && known->second.serial == each.serial) {
            end_router_connection(each.fd);
        }
    }
    const base::instant now = clock_now();
    if (now < crowd_is_logged_until_) return;
    crowd_is_logged_until_ = base::after(now, crowd_log_interval);
    log_(log_level::warning,
         "too many open files: new connections are turned away (raise `ulimit -n`)");
}

// --- parting with one peer ----------------------------------------------------------------------

void hub::cut_off(connection& which, const std::string& why) {
    complain(log_level::warning, "a peer is cut off: " + why);
    fail(which, why);
}

void hub::cut_off(int fd, const std::string& why) {
    if (connection* const whose = peer_at(fd); whose != nullptr) {
        if (!whose->failed) cut_off(*whose, why);
    } else {
        complain(log_level::warning, "a peer is cut off: " + why);
        end_router_connection(fd);
    }
}

void hub::take_little_of_strangers() {
    for (const int fd : std::exchange(fresh_, {})) {
        if (!take(fd)) continue;
        if (peer_at(fd) == nullptr) grip_->take_little();
        grip_->let_go();
    }
}

// Others have their turn in between. What those that wait for it still say is read and thrown away.
void hub::end_some() {
    constexpr int at_a_time = 8;
    for (int i = 0; i < at_a_time && !ending_.empty(); ++i) {
        const place next = ending_.front();
        ending_.pop_front();
        const auto known = open_fds_.find(next.fd);
        if (known != open_fds_.end() && known->second.serial == next.serial) {
            end_router_connection(next.fd);
        }
    }
}

void hub::end_router_connection(int fd) {
    if (!take(fd)) return;
    grip_->end_connection();
    grip_->let_go();
}

// libzmq reports a disconnection before it closes the descriptor. So if none was reported once we
// have a grip on it, it is still the same connection.
bool hub::take(int fd) {
    const auto known = open_fds_.find(fd);
    if (known == open_fds_.end()) return false;
    const std::uint64_t serial = known->second.serial;
    if (!grip_->take(fd)) return false;
    note_router_events();
    const auto now = open_fds_.find(fd);
    if (now != open_fds_.end() && now->second.serial == serial) return true;
    grip_->let_go();
    return false;
}

}  // namespace maus::net
