// What a hub reads: the ROUTER's peers, its DEALERs, and what their monitors say (hub.hpp).
#include <algorithm>

#include "maus/net/clock.hpp"
#include "maus/net/hub.hpp"
#include "maus/net/hub_connection.hpp"

namespace maus::net {

using base::route;

namespace {
constexpr std::uint64_t router_route_bit = std::uint64_t{1} << 63;
constexpr std::size_t messages_a_drain = 1024;
// What is large is best worked on while it is in a cache, and small calls should not wait behind much.
constexpr std::size_t bytes_a_drain = 256u << 10;
constexpr std::size_t drains_a_monitor_read = 64;
}  // namespace

bool hub::receive(socket& from, intake& reads, zmq::message_t* id, wire::message& message,
                  zmq::message_t& first) {
    if (id != nullptr && !from.receive(*id)) return false;
    if (!from.receive(first)) return false;
    bool more = first.more();
    zmq::message_t frame;
    while (more) {
        if (!from.receive(frame)) break;
        more = frame.more();
        message.rest.push_back(from_zmq(frame));
        // The machine sees that there are too many, of which a relayed message has one more.
        if (message.rest.size() > limits_.frames_max) {
            reads.in_rest = more;
            break;
        }
    }
    return true;
}

// Millions of frames, maybe: others have their turn in between. True: they are all gone.
bool hub::skip_rest(socket& from, intake& reads) {
    constexpr std::size_t frames_a_drain = 16384;
    zmq::message_t frame;
    std::size_t count = 0;
    while (reads.in_rest && count < frames_a_drain) {
        reads.in_rest = from.receive(frame) && frame.more();
        ++count;
    }
    const auto found = connections_.find(reads.rest_of);
    if (found != connections_.end()) note_skipped(*found->second, count);
    return !reads.in_rest;
}

// A few are answered like any violation.
void hub::note_skipped(connection& from, std::size_t frames) {
    constexpr std::size_t oversized_max = 16;
    constexpr std::size_t frames_skipped_max = 20000;
    from.frames_skipped += frames;
    if (from.failed) return;
    if (from.oversized > oversized_max || from.frames_skipped > frames_skipped_max) {
        cut_off(from,
                "it sends messages of more than " + std::to_string(limits_.frames_max) + " frames");
    }
}

void hub::too_many_frames(connection& from, intake& reads) {
    reads.rest_of = from.at;
    ++from.oversized;
    note_skipped(from, 0);
}

// The machine closed it and told it to go. It may not have heard that yet.
void hub::hear_parted(connection& from) {
    constexpr std::size_t messages_max = 256;
    constexpr std::chrono::seconds time_max{2};
    const bool is_over =
        ++from.heard_parted > messages_max || clock_now() > base::after(from.parted, time_max);
    if (is_over && !from.failed) cut_off(from, "it was told to go, and goes on");
}

// What the monitor says of the ROUTER's peers. A descriptor is used again after its connection has
// closed, so these events are read before a new peer is bound to one (see router_peer).
void hub::note_router_events() {
    std::vector<monitor_event> events;
    router_->read_monitor(events);
    for (const auto& event : events) {
        if (event.kind == ZMQ_EVENT_ACCEPTED) {
            open_fds_[event.fd] = transfer{.serial = ++accepted_};
            if (is_among_the_last(event.fd)) {
                crowd_.push_back({event.fd, accepted_});
            } else {
                fresh_.push_back(event.fd);
            }
        }
        if (event.kind != ZMQ_EVENT_DISCONNECTED) continue;
        open_fds_.erase(event.fd);
        connection* const whose = peer_at(event.fd);
        if (whose == nullptr) continue;
        whose->closed = true;
        closed_peers_.push_back(whose->at);
        by_fd_[static_cast<std::size_t>(event.fd)] = nullptr;
    }
}

hub::connection* hub::peer_at(int fd) const {
    const auto index = static_cast<std::size_t>(fd);
    return fd >= 0 && index < by_fd_.size() ? by_fd_[index] : nullptr;
}

hub::connection& hub::router_peer(const zmq::message_t& id, const zmq::message_t& frame) {
    const std::string_view name(static_cast<const char*>(id.data()), id.size());
    const int fd = zmq_msg_get(const_cast<zmq_msg_t*>(frame.handle()), ZMQ_SRCFD);
    // With thousands of peers, each hash table that is asked is several misses of the cache.
    connection* const likely = peer_at(fd);
    if (likely != nullptr && likely->routing_id == name) return *likely;
    const std::string key(name);
    if (const auto known = by_routing_id_.find(key); known != by_routing_id_.end()) {
        return *known->second;
    }
    note_router_events();
    auto made = std::make_unique<connection>();
    made->at = {router_route_bit | ++router_routes_};
    made->routing_id = key;
    made->fd = fd;
    connection& peer = *made;
    take_much(fd);
    connections_.emplace(peer.at, std::move(made));
    by_routing_id_.emplace(key, &peer);
    if (open_fds_.contains(peer.fd)) {
        const auto index = static_cast<std::size_t>(fd);
        if (index >= by_fd_.size()) by_fd_.resize(index + 1);
        by_fd_[index] = &peer;
    } else {
        // It has come and gone already.
        peer.closed = true;
        closed_peers_.push_back(peer.at);
    }
    return peer;
}

// To find that there is nothing more costs system calls, and what was read waits for its answer
// meanwhile. So no more is read at a time than came last time, or twice as much where one full drain
// follows another.
void hub::intake::came(std::size_t count) {
    if (count < expected) {
        expected = std::max<std::size_t>(count, 1);
        was_full = false;
    } else {
        if (was_full) expected = std::min(expected * 2, messages_a_drain);
        was_full = true;
    }
}

bool hub::drain_router(std::vector<input>& inputs) {
    if (!router_) return false;
    if (ask_monitors_) {
        note_router_events();
        turn_away_crowd();
        take_little_of_strangers();
    }
    end_some();
    if (router_intake_.in_rest && !skip_rest(*router_, router_intake_)) return true;
    const std::vector<route> closing = std::move(closed_peers_);
    closed_peers_.clear();
    bool all = false;
    std::size_t count = 0;
    std::size_t bytes = 0;
    const auto goes_on = [&] {
        return count < router_intake_.expected && bytes < bytes_a_drain && !router_intake_.in_rest;
    };
    for (; goes_on(); ++count) {
        zmq::message_t id, first;
        wire::message message;
        if (!receive(*router_, router_intake_, &id, message, first)) {
            all = true;
            break;
        }
        connection& from = router_peer(id, first);
        message.first = from_zmq(first);
        bytes += message.bytes();
        from.hears(message);
        if (message.rest.size() > limits_.frames_max) too_many_frames(from, router_intake_);
        if (from.parted != base::never) hear_parted(from);
        if (!from.failed) inputs.push_back(core::received{from.at, std::move(message)});
    }
    router_intake_.came(count);
    read_since_look_ += count;
    // libzmq looks for what others have begun to send after 100 frames. Those of this one are large
    // (`maus-faults run long-lists` prints what a relayed call waits).
    if (bytes >= bytes_a_drain) (void)router_->readable();
    if (!all) {
        closed_peers_.insert(closed_peers_.begin(), closing.begin(), closing.end());
        return true;
    }
    for (const route at : closing) {
        const auto found = connections_.find(at);
        if (found == connections_.end()) continue;
        if (!found->second->failed) inputs.push_back(core::down{at, "its connection closed"});
        forget(at);
    }
    return !closed_peers_.empty();
}

void hub::take_connected(std::vector<input>& inputs) {
    for (auto& each : connector_->advance_to(clock_now())) {
        if (!each.connected) {
            inputs.push_back(core::down{each.at, std::move(each.why)});
            continue;
        }
        auto made = std::make_unique<connection>();
        made->at = each.at;
        made->dealer = std::move(each.connected);
        watch(made->dealer->fd(), watched::data);
        made->fd = each.fd;
        made->closed = each.closed;
        dealers_.push_back(made.get());
        connections_.emplace(each.at, std::move(made));
        inputs.push_back(core::up{each.at});
    }
}

bool hub::drain_dealer(connection& from, std::vector<input>& inputs) {
    std::vector<monitor_event> events;
    if (ask_monitors_) from.dealer->read_monitor(events);
    for (const auto& event : events) {
        if (event.kind == ZMQ_EVENT_DISCONNECTED) from.closed = true;
    }
    if (from.reads.in_rest && !skip_rest(*from.dealer, from.reads)) return true;
    bool more = true;
    std::size_t count = 0, bytes = 0;
    const auto goes_on = [&] {
        return count < from.reads.expected && bytes < bytes_a_drain && !from.reads.in_rest;
    };
    for (; goes_on(); ++count) {
        zmq::message_t first;
        wire::message message;
        if (!receive(*from.dealer, from.reads, nullptr, message, first)) {
            more = false;
            break;
        }
        message.first = from_zmq(first);
        bytes += message.bytes();
        from.hears(message);
        if (message.rest.size() > limits_.frames_max) too_many_frames(from, from.reads);
        if (!from.failed) inputs.push_back(core::received{from.at, std::move(message)});
    }
    if (count != 0) from.reads.came(count);
    read_since_look_ += count;
    return more;
}

bool hub::drain(std::vector<input>& inputs) {
    // Monitors speak seldom, and asking one costs a system call: epoll tells when, and in a hub
    // that never sleeps they are asked now and then.
    ask_monitors_ = monitors_ready_ || ++drains_ % drains_a_monitor_read == 0;
    monitors_ready_ = false;
    for (auto& failure : failures_) inputs.push_back(std::move(failure));
    failures_.clear();
    bool more = drain_router(inputs);
    if (connector_->is_busy()) take_connected(inputs);
    std::vector<route> gone;
    for (connection* each : dealers_) {
        const bool unread = drain_dealer(*each, inputs);
        more = more || unread;
        if (each->failed || (each->closed && !unread)) gone.push_back(each->at);
    }
    for (const route at : gone) {
        if (!connections_.at(at)->failed) inputs.push_back(core::down{at, "the connection closed"});
        forget(at);
    }
    if (!with_queue_.empty()) {
        flush_all();
        more = more || anything_readable();
    }
    if (ask_monitors_) look_is_due_ = true;
    if (look_is_due_ && (!more || each_had_its_turn())) look_at_transfers();
    // A look reads the monitor, which may have told of connections that closed.
    return more || !failures_.empty() || !closed_peers_.empty() || !ending_.empty();
}

// libzmq takes a message of one connection after the other, and learns within 100 frames who has begun to
// send.
bool hub::each_had_its_turn() const {
    return read_since_look_ > messages_a_drain + 2 * (open_fds_.size() + dealers_.size());
}

bool hub::anything_readable() {
    if (router_ && router_->readable()) return true;
    return std::any_of(dealers_.begin(), dealers_.end(),
                       [](connection* each) { return each->dealer->readable(); });
}

bool hub::has_more() {
    if (!failures_.empty() || !closed_peers_.empty() || !ending_.empty()) return true;
    if (anything_readable()) return true;
    if (with_queue_.empty()) return false;
    // To ask for what can be read also takes note of room to write, and epoll tells of it no more.
    flush_all();
    return !failures_.empty() || anything_readable();
}

}  // namespace maus::net
