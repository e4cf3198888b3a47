#include "stranger.hpp"

#include <algorithm>

#include "peers.hpp"

namespace maus::sim {

using std::chrono::milliseconds;

std::string stranger::name() const { return "stranger p" + std::to_string(number()); }

void stranger::make(bool) {
    stopped_ = false;
    settings_.limits = world_.how.bounds;
    out_.emplace(settings_);
    routes_ = 0;
    dial();
    own_in(milliseconds{10}, 0);
}

void stranger::dial() {
    is_up_ = false;
    at_parkserver_ = !world_.parkservers.empty() && chance(luck_, 0.8);
    const auto& at = at_parkserver_ ? world_.parkservers.size() : world_.managers.size();
    const std::uint64_t first = at_parkserver_ ? 0 : world_.parkservers.size();
    const auto whom = static_cast<std::uint32_t>(first + luck_.below(at));
    hoards_ = at_parkserver_ && world_.how.hoards > 0 && chance(luck_, world_.how.hoards);
    out_->push(core::open{{++routes_}, network::address_of(whom)});
}

void stranger::feed(input& what) {
    if (const auto* link = std::get_if<core::up>(&what)) {
        is_up_ = link->from.value == routes_;
        if (is_up_ && at_parkserver_ && !stopped_) join();
    } else if (const auto* end = std::get_if<core::down>(&what)) {
        if (end->from.value == routes_) is_up_ = false;
    }
}

void stranger::join_as_manager() {
    wire::register_manager say;
    say.manager = base::manager_id::make(luck_);
    say.incarnation = {1};
    say.interval_ms = world_.how.interval_ms_min;
    say.liveness = world_.how.liveness_min;
    out_->control({routes_}, say);
    tokens_.clear();
    for (int i = 0; i < 3; ++i) tokens_.push_back(base::token::make(luck_));
}

// Of a type that nobody has, so that it takes nobody from others.
void stranger::hoard() {
    ++world_.faults.meddled;
    wire::request say;
    const std::uint64_t which = luck_.below(tokens_.size());
    say.request = {which + 1};
    say.token = tokens_[which];
    say.type = "hoarded";
    say.amount = 1000;
    const auto most =
        static_cast<std::uint32_t>(std::min<std::size_t>(world_.how.bounds.peers_max, 200));
    for (std::uint32_t i = between(luck_, 0, most); i > 0; --i) {
        const auto* worker = world_.workers[luck_.below(world_.workers.size())];
        const bool is_real = chance(luck_, 0.1) && !worker->id().none();
        say.held.push_back({{1, luck_()}, is_real ? worker->id() : base::worker_id::make(luck_)});
    }
    out_->control({routes_}, say);
}

void stranger::join() {
    if (hoards_) return join_as_manager();
    wire::register_worker say;
    say.worker = id_ = base::worker_id::make(luck_);
    say.incarnation = {1};
    say.type = type_name(between(luck_, 0, world_.how.types - 1));
    say.interval_ms = world_.how.interval_ms_min;
    say.liveness = world_.how.liveness_min;
    say.free = true;
    out_->control({routes_}, say);
}

// Once the faults have ended it is only silent when it is asked.
void stranger::own_event(std::uint64_t) {
    if (stopped_) return;
    if (world_.phase == phase::parting) return stop();  // it was not up when all were told
    own_in(milliseconds{world_.how.interval_ms_min}, 0);
    if (!is_up_) {
        if (chance(luck_, 0.3)) dial();
    } else {
        if (at_parkserver_) out_->control({routes_}, wire::ping{1});
        if (hoards_) {
            if (world_.phase == phase::chaos && chance(luck_, 0.5)) hoard();
            return step_soon();
        }
        if (world_.phase == phase::chaos && chance(luck_, 0.2)) meddle();
    }
    step_soon();
}

void stranger::meddle() {
    ++world_.faults.meddled;
    if (!at_parkserver_ || world_.overheard.empty()) return talk_rubbish();
    const auto [lease, whose] = world_.overheard[luck_.below(world_.overheard.size())];
    const core::route to{routes_};
    switch (luck_.below(6)) {
        case 0:
            // Who takes an offer and does nothing with it is a liar, against whom nothing is promised.
            if (whose == id_) return;
            return out_->control(to, wire::accepted{lease});
        case 1: return out_->control(to, wire::refused{lease, 0, "no"});
        case 2: return out_->control(to, wire::available{});
        case 3:
        case 4: {
            core::link_address over{.to = to, .relayed = lease};
            return out_->link(over).stamp(wire::record_type::ping, 1);
        }
        default: return talk_rubbish();
    }
}

void stranger::talk_rubbish() {
    wire::message made = wire::encode_control(wire::ping{1});
    const auto any = [&] { return static_cast<std::byte>(luck_() & 0xFF); };
    constexpr std::size_t channel_at = 4, type_at = 5;
    switch (luck_.below(4)) {
        case 0: made.first.data()[channel_at] = any(); break;
        case 1: made.first.data()[type_at] = any() & std::byte{0x0F}; break;  // perhaps a manager's
        case 2: made.first.data()[luck_.below(made.first.size())] ^= std::byte{0x10}; break;
        default:
            for (std::uint32_t i = between(luck_, 1, 40); i > 0; --i) *made.first.extend(1) = any();
    }
    out_->push(core::send{{routes_}, std::nullopt, std::move(made), 1});
}

void stranger::begin_stop() {
    stopped_ = true;
    out_->push(core::close{{routes_}});
}

}  // namespace maus::sim
