#include "network.hpp"

#include "spell.hpp"

namespace maus::sim {

using std::chrono::milliseconds;

void fault_counts::add(const fault_counts& more) {
    crashes += more.crashes;
    stops += more.stops;
    pauses += more.pauses;
    breaks += more.breaks;
    deaf += more.deaf;
    partitions += more.partitions;
    pipe_full += more.pipe_full;
    unnoticed += more.unnoticed;
    poisoned += more.poisoned;
    half_closes += more.half_closes;
    stopped_clocks += more.stopped_clocks;
    wall_jumps += more.wall_jumps;
    forged += more.forged;
    meddled += more.meddled;
    unknowns += more.unknowns;
    returned += more.returned;
}

// --- shells -------------------------------------------------------------------------------------

void network::open(const host& from, base::route to, const std::string& endpoint) {
    connection made;
    made.ends[0] = {from.number(), from.life(), to, true};
    const std::string scheme = "tcp://host";
    if (endpoint.starts_with(scheme)) {
        made.ends[1].process =
            static_cast<std::uint32_t>(std::stoul(endpoint.substr(scheme.size())));
    }
    // At an address that is not its own, a parkserver may be taken for a manager, and that as often as may be.
    if (plan_.bad_address == 0) {
        fact told;
        told.what = fact::kind::dialled;
        told.process = from.number();
        told.life = from.life();
        told.amount = made.ends[1].process;
        past_.add(std::move(told));
    }
    const std::uint64_t which = connections_.size();
    routes_[{from.number(), to.value}] = which;
    connections_.push_back(std::move(made));
    connections_.back().dial_until = time_.time() + std::chrono::seconds{5};
    time_.in(delay(), *this, dial, which);
}

void network::refuse(connection& on, const char* why) {
    on.ends[0].open = false;
    hosts_[on.ends[0].process]->deliver(core::down{on.ends[0].at, why});
    forget(on, 0);
}

void network::try_dial(std::uint64_t which) {
    connection& on = connections_[which];
    if (!there(on.ends[0]) || !on.ends[0].open) return;
    const bool leads_nowhere = on.ends[1].process >= hosts_.size();
    if (leads_nowhere || !hosts_[on.ends[1].process]->is_up()) {
        return refuse(on, "connection refused");
    }
    host& to = *hosts_[on.ends[1].process];
    const std::uint32_t dialer = on.ends[0].process;
    const bool reachable =
        !to.is_paused() && !blocked(dialer, to.number()) && !blocked(to.number(), dialer);
    if (!reachable) {
        if (time_.time() >= on.dial_until) return refuse(on, "timed out");
        time_.in(between(random_, milliseconds{20}, milliseconds{200}), *this, dial, which);
        return;
    }
    constexpr std::uint64_t accepted_bit = std::uint64_t{1} << 63;
    on.up = true;
    on.ends[1].life = to.life();
    on.ends[1].at = {accepted_bit | ++accepted_};
    on.ends[1].open = true;
    routes_[{to.number(), on.ends[1].at.value}] = which;
    hosts_[dialer]->deliver(core::up{on.ends[0].at});
}

namespace {
// What only a later version would say, behind what is said: records and messages of unknown types
// (below 128 they are answered), flags and extensions ([P-56]). Nothing may change by it.
void append_record(base::buffer& to, std::uint8_t type, std::uint8_t flags) {
    std::byte* at = to.extend(wire::record_header_bytes);
    wire::store(at, std::uint32_t{0});
    at[4] = std::byte{type};
    at[5] = std::byte{flags};
    wire::store(at + 6, std::uint16_t{7});
}
void add_unknown(wire::message& message, std::size_t frames_max, base::random& luck) {
    const auto type = static_cast<std::uint8_t>(luck.below(2) == 0 ? 100 : 200);
    const auto head = wire::read_header(message.first.view());
    if (!head) return;
    if (head.value().channel != wire::channel::link) {  // control, or a relay message's first frame
        return wire::encode_extensions(message.first, {{7, {}}, {40000, base::as_bytes("later")}});
    }
    const bool apart = message.frames() < frames_max && luck.below(2) == 0;
    append_record(message.first, type, apart ? 0xFF : 0xFE);
    // Empty: its sender counts the bytes of its frames ([P-84]), and here it is not who says it.
    if (apart) message.rest.emplace_back();
}
}  // namespace

void network::send(host& from, core::send what) {
    const std::uint64_t* found = find(from, what.to);
    if (found == nullptr) return;
    const std::uint64_t which = *found;
    connection& on = connections_[which];
    const std::size_t side =
        on.ends[0].process == from.number() && on.ends[0].at == what.to ? 0 : 1;
    if (!on.up || !on.ends[side].open) return;
    if (past_.traced()) {
        past_.say("    p" + std::to_string(from.number()) + " -> p" +
                  std::to_string(on.ends[1 - side].process) + " #" + std::to_string(which) + " " +
                  spell(what));
    }
    if (!healed_ && chance(random_, plan_.pipe_full)) {
        ++faults_.pipe_full;
        // A DEALER closes its socket; a ROUTER can only take no more notice of this peer.
        sever(which, "", false, false);
        on.for_good = side == 1;
        on.ends[side].open = false;
        if (side == 0) put(which, 0, {time_.time() + delay(), {}, "the connection closed"});
        from.deliver(core::down{what.to, "it does not take what it is sent"});
        return;
    }
    if (on.lines[side].deaf) return;
    wire::message message = std::move(what.message);
    const bool unknown = !healed_ && plan_.unknowns > 0 && chance(random_, plan_.unknowns);
    if (unknown) {
        ++faults_.unknowns;
        add_unknown(message, plan_.bounds.frames_max, random_);
        const auto head = wire::read_header(message.first.view());
        if (head && head.value().channel == wire::channel::control) {
            wire::message before;
            wire::write_header(before.first, wire::channel::control,
                               static_cast<std::uint8_t>(random_.below(2) == 0 ? 100 : 200));
            put(which, side, {time_.time() + delay(), std::move(before), nullptr});
        }
    }
    if (what.relayed) {
        message.rest.insert(message.rest.begin(), std::move(message.first));
        message.first = wire::relay_frame(*what.relayed);
    }
    put(which, side, {time_.time() + delay(), std::move(message), nullptr});
}

void network::close(const host& from, base::route to) {
    const std::uint64_t* found = find(from, to);
    if (found == nullptr) return;
    const std::uint64_t which = *found;
    connection& on = connections_[which];
    if (on.ends[0].process != from.number() || on.ends[0].at != to) return;
    on.ends[0].open = false;
    if (on.up) put(which, 0, {time_.time() + delay(), {}, "the connection closed"});
    forget(on, 0);
}

void network::gone(const host& which, bool orderly) {
    std::vector<std::uint64_t> its;
    for (auto at = routes_.lower_bound({which.number(), 0});
         at != routes_.end() && at->first.first == which.number();) {
        its.push_back(at->second);
        at = routes_.erase(at);
    }
    for (const std::uint64_t each : its) {
        connection& on = connections_[each];
        const std::size_t side = on.ends[0].process == which.number() ? 0 : 1;
        on.ends[side].open = false;
        if (!on.up) continue;
        if (on.broken && !on.for_good) continue;
        if (!orderly) lose_some(on.lines[side]);
        if (!orderly && !healed_ && chance(random_, plan_.without_notice)) {
            ++faults_.unnoticed;
            on.broken = on.lines[0].deaf = on.lines[1].deaf = true;
        } else {
            put(each, side, {time_.time() + delay(), {}, "the connection closed"});
        }
    }
}

// --- ways of going wrong ------------------------------------------------------------------------

void network::lose_some(line& of) { of.parcels.resize(random_.below(of.parcels.size() + 1)); }

void network::sever(std::uint64_t which, const char* why, bool notice_dialer,
                    bool notice_accepter) {
    connection& on = connections_[which];
    on.broken = true;
    for (std::size_t side = 0; side < 2; ++side) {
        lose_some(on.lines[side]);
        on.lines[side].deaf = true;
    }
    if (!notice_dialer || !notice_accepter) ++faults_.unnoticed;
    const auto late = [&] { return chance(random_, 0.3) ? plan_.spike_max : delay(); };
    if (notice_accepter) put(which, 0, {time_.time() + late(), {}, why});
    if (notice_dialer) put(which, 1, {time_.time() + late(), {}, why});
}

std::vector<std::uint64_t> network::alive() const {
    std::vector<std::uint64_t> found;
    for (std::uint64_t which = 0; which < connections_.size(); ++which) {
        const connection& on = connections_[which];
        if (on.up && !on.broken && on.ends[0].open && on.ends[1].open) found.push_back(which);
    }
    return found;
}

void network::break_one() {
    const auto some = alive();
    if (some.empty()) return;
    ++faults_.breaks;
    const std::uint64_t which = some[random_.below(some.size())];
    past_.say("chaos: connection #" + std::to_string(which) + " breaks");
    sever(which, "the connection broke", !chance(random_, plan_.without_notice),
          !chance(random_, plan_.without_notice));
}

void network::deafen_one() {
    const auto some = alive();
    if (some.empty()) return;
    ++faults_.deaf;
    const std::uint64_t which = some[random_.below(some.size())];
    past_.say("chaos: connection #" + std::to_string(which) + " goes deaf");
    const std::uint64_t sides = random_.below(3);
    if (sides != 0) connections_[which].lines[0].deaf = true;
    if (sides != 1) connections_[which].lines[1].deaf = true;
    time_.in(between(random_, milliseconds{5}, plan_.partition_max), *this, break_later, which);
}

void network::half_close_one() {
    const auto some = alive();
    if (some.empty()) return;
    ++faults_.half_closes;
    const std::uint64_t which = some[random_.below(some.size())];
    const std::size_t told = random_.below(2);
    past_.say("chaos: connection #" + std::to_string(which) + " is half closed");
    connection& on = connections_[which];
    lose_some(on.lines[1 - told]);
    on.lines[0].deaf = on.lines[1].deaf = true;
    put(which, 1 - told, {time_.time() + delay(), {}, "the other end closed"});
    time_.in(between(random_, milliseconds{5}, plan_.partition_max), *this, break_later, which);
}

void network::partition() {
    ++faults_.partitions;
    const instant until = time_.time() + between(random_, milliseconds{20}, plan_.partition_max);
    std::vector<bool> inside(hosts_.size());
    for (std::size_t i = 0; i < inside.size(); ++i) inside[i] = chance(random_, 0.4);
    const std::uint64_t ways = random_.below(3);
    std::string who;
    for (std::uint32_t a = 0; a < hosts_.size(); ++a) {
        if (inside[a]) who += " p" + std::to_string(a);
        for (std::uint32_t b = 0; b < hosts_.size(); ++b) {
            if (!inside[a] || inside[b]) continue;
            if (ways != 0) blocked_until_[{a, b}] = until;
            if (ways != 1) blocked_until_[{b, a}] = until;
        }
    }
    past_.say("chaos: partition, way " + std::to_string(ways) + ":" + who);
    for (const std::uint64_t which : alive()) {
        const connection& on = connections_[which];
        if (inside[on.ends[0].process] == inside[on.ends[1].process]) continue;
        if (chance(random_, plan_.partitions_cut)) sever(which, "cut", false, false);
    }
}

void network::heal() {
    healed_ = true;
    blocked_until_.clear();
    for (std::uint64_t which = 0; which < connections_.size(); ++which) {
        connection& on = connections_[which];
        if (!on.up || on.for_good || !(on.lines[0].deaf || on.lines[1].deaf)) continue;
        on.broken = on.lines[0].deaf = on.lines[1].deaf = true;
        for (std::size_t side = 0; side < 2; ++side) {
            const instant late =
                time_.time() + between(random_, milliseconds{1}, milliseconds{900});
            put(which, side, {late, {}, "the connection timed out"});
        }
    }
}

// --- on its way ---------------------------------------------------------------------------------

duration network::delay() {
    if (!healed_ && chance(random_, plan_.spike)) {
        return between(random_, plan_.delay_min, plan_.spike_max);
    }
    return between(random_, plan_.delay_min, plan_.delay_max);
}

void network::put(std::uint64_t which, std::size_t side, parcel what) {
    line& on = connections_[which].lines[side];
    what.at = on.latest = std::max(what.at, on.latest);
    const instant at = what.at;
    on.parcels.push_back(std::move(what));
    if (!std::exchange(on.under_way, true)) time_.at(at, *this, deliver, which << 1 | side);
}

void network::hand_over(std::uint64_t which, std::size_t side) {
    connection& on = connections_[which];
    line& from = on.lines[side];
    const bool held_up = blocked(on.ends[side].process, on.ends[1 - side].process);
    while (!held_up && !from.parcels.empty() && from.parcels.front().at <= time_.time()) {
        parcel next = std::move(from.parcels.front());
        from.parcels.pop_front();
        arrive(on, 1 - side, std::move(next));
    }
    from.under_way = !from.parcels.empty();
    if (!from.under_way) return;
    const instant next = held_up ? time_.time() + milliseconds{20} : from.parcels.front().at;
    time_.at(next, *this, deliver, which << 1 | side);
}

void network::arrive(connection& on, std::size_t side, parcel what) {
    end& to = on.ends[side];
    if (!to.open || !there(to)) return;
    past_.mix(to.at.value ^ what.message.first.size() << 20);
    if (what.down == nullptr) {
        hosts_[to.process]->deliver(core::received{to.at, std::move(what.message)});
        return;
    }
    to.open = false;
    hosts_[to.process]->deliver(core::down{to.at, what.down});
    forget(on, side);
}

void network::happen(std::uint32_t what, std::uint64_t detail) {
    switch (what) {
        case dial: return try_dial(detail);
        case deliver: return hand_over(detail >> 1, detail & 1);
        default: break;
    }
    connection& on = connections_[detail];
    if (on.broken || healed_) return;
    sever(detail, "the connection timed out", !chance(random_, plan_.without_notice),
          !chance(random_, plan_.without_notice));
}

// --- small things -------------------------------------------------------------------------------

bool network::blocked(std::uint32_t from, std::uint32_t to) const {
    if (blocked_until_.empty()) return false;
    const auto found = blocked_until_.find({from, to});
    return found != blocked_until_.end() && time_.time() < found->second;
}

bool network::there(const end& which) const {
    const host& at = *hosts_[which.process];
    return at.is_up() && at.life() == which.life;
}

std::uint64_t* network::find(const host& of, base::route at) {
    const auto found = routes_.find({of.number(), at.value});
    return found == routes_.end() ? nullptr : &found->second;
}

void network::forget(connection& which, std::size_t side) {
    routes_.erase({which.ends[side].process, which.ends[side].at.value});
}

}  // namespace maus::sim
