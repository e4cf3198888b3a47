#include "peers.hpp"

namespace maus::sim {

using std::chrono::milliseconds;

manager_process::manager_process(world& in, std::uint32_t number) : process(in, number) {}

std::string manager_process::name() const { return "manager p" + std::to_string(number()); }

void manager_process::make(bool keep_identity) {
    stopped_ = false;
    settings_.limits = world_.how.bounds;
    settled_values_ = settled_errors_ = submitted_ = sent_ = 0;
    welcomed_ = released_ = violations_ = late_ = unimplemented_known_ = 0;
    attempts_.clear();
    failed_.clear();
    answering_.clear();
    returned_at_.clear();
    beats_.clear();
    core::manager_config config;
    if (!keep_identity || id_.none()) id_ = base::manager_id::make(luck_);
    config.id = id_;
    config.incarnation = {wall_us()};
    const bool relayed = chance(luck_, world_.how.relayed);
    if (chance(luck_, world_.how.bad_address)) config.endpoints.push_back(bad_address());
    if (!relayed) config.endpoints.push_back(network::address_of(number()));
    config.beat = draw_beat();
    config.settings.limits = settings_.limits;
    config.seed = luck_();
    out_ = std::make_unique<core::manager_effects>(settings_);
    core_ = std::make_unique<core::manager>(std::move(config), local());
    program_ = std::make_unique<program>(world_, *this);
    program_->begin(*core_);
    for (const auto* at : world_.parkservers) {
        core_->on(core::add_parkserver{network::address_of(at->number())}, local(), *out_);
    }
    own_in(program_->tick_in(), 0);
}

// One that leads nowhere, or to a parkserver, or to another manager.
std::string manager_process::bad_address() {
    const auto& parks = world_.parkservers;
    const auto& managers = world_.managers;
    std::uint64_t which = luck_.below(1 + parks.size() + managers.size());
    if (which < parks.size()) return network::address_of(parks[which]->number());
    which -= parks.size();
    if (which < managers.size() && managers[which] != this) {
        return network::address_of(managers[which]->number());
    }
    return "tcp://host4000000:1";
}

void manager_process::unmake() {
    program_.reset();
    core_.reset();
    unfinished_.clear();
}

namespace {
// How many results a direct link's message has; nothing if it says anything else about attempts.
std::optional<std::size_t> results_alone(wire::message& what) {
    const auto head = wire::read_header(what.first.view());
    if (!head || head.value().channel != wire::channel::link) return std::nullopt;
    std::size_t count = 0;
    wire::link_reader records{what};
    wire::record record;
    while (records.next(record)) {
        using type = wire::record_type;
        if (record.type == type::result) ++count;
        if (record.type == type::failed || record.type == type::returned ||
            record.type == type::detached || record.type == type::started) {
            return std::nullopt;
        }
    }
    if (records.violation()) return std::nullopt;
    return count;
}
}  // namespace

void manager_process::feed(input& what) {
    const std::uint64_t before = core_->calls().stale_answers;
    const auto rejected = [&] { return core_->calls().stale_answers - before; };
    if (auto* heard = std::get_if<core::received>(&what)) {
        const base::route from = heard->from;
        beats_[from.value].heard = local();
        const auto results = results_alone(heard->message);
        witness_heard(*heard);
        core_->on(std::move(*heard), local(), *out_);
        if (results) {
            note_late(from, *results, rejected());
        } else {
            late_ += rejected();
        }
    } else {
        std::visit([&](auto& each) { core_->on(std::move(each), local(), *out_); }, what);
    }
    collect();
}

// What became of attempts, and the pings of workers that return what they are sent.
void manager_process::witness_heard(core::received& from) {
    wire::message copy;
    wire::message* what = &from.message;
    fact told = begin(fact::kind::heard);
    told.link = from.from.value;
    auto head = wire::read_header(what->first.view());
    if (head && head.value().channel == wire::channel::relay) {
        copy.first = what->first.copy();
        for (const auto& frame : what->rest) copy.rest.push_back(frame.copy());
        what = &copy;
        const auto lease = wire::unwrap_relay(copy);
        if (!lease) return;
        told.lease = lease.value();
        head = wire::read_header(copy.first.view());
    }
    if (!head || head.value().channel != wire::channel::link) return;
    const std::pair over{from.from, told.lease};
    wire::link_reader records{*what};
    for (wire::record record; records.next(record);) {
        using type = wire::record_type;
        const bool is_answer = record.type == type::result || record.type == type::failed;
        const bool is_returned = record.type == type::returned;
        const bool is_ping = record.type == type::ping && returned_at_.contains(over);
        if (!is_answer && !is_returned && !is_ping) continue;
        if (is_returned) returned_at_.insert(over);
        told.text = is_answer ? "answered" : is_ping ? "ping" : "returned";
        base::byte_view body = record.body;
        const auto attempt = is_ping ? std::nullopt : wire::take_attempt(body);
        told.call = attempt ? attempt->call.value : 0;
        told.attempt = attempt ? attempt->number.value : 0;
        world_.past.add(told);
    }
}

// A result settles its call or is rejected; of a link that is not there it is neither.
void manager_process::note_late(base::route from, std::size_t results, std::uint64_t rejected) {
    const auto taken = static_cast<std::size_t>(
        std::count_if(out_->done.begin(), out_->done.end(),
                      [](const core::settled& each) { return !each.result.error; }));
    if (taken != 0) answering_.insert(from.value);
    const bool known = taken != 0 || (answering_.contains(from.value) && out_->news.empty());
    if (known || rejected != 0) late_ += results - taken;
}

bool manager_process::turn() {
    core_->advance_to(local(), *out_);
    collect();
    const bool goes_on = apply(out_->net);
    if (core_ == nullptr) return goes_on;  // what it said has ended it
    given_back_ = core_->given_back();
    // What waits behind the rest of a payload was given before.
    std::erase_if(given_back_, [this](const auto& to) {
        const auto found = unfinished_.find(to);
        return found != unfinished_.end() && !found->second.bytes.empty();
    });
    return goes_on;
}

// Takes note at once of what one input led to, so that the history has the order of things.
void manager_process::collect() {
    for (const auto& each : std::exchange(out_->progress, {})) program_->progressed(each);
    for (const auto& each : std::exchange(out_->items, {})) program_->got(each);
    for (auto& each : std::exchange(out_->callbacks, {})) program_->called_back(std::move(each));
    if (out_->done.empty() && out_->news.empty()) return;
    if (!out_->news.empty()) answering_.clear();  // some link may have ended
    const auto done = std::exchange(out_->done, {});
    for (const auto& each : done) {
        ++(each.result.error ? settled_errors_ : settled_values_);
        if (each.result.error) failed_.insert(each.ticket);
        program_->settled(each);
    }
    for (const auto& each : std::exchange(out_->news, {})) {
        if (each.kind == core::notice_kind::worker_released) ++released_;
        program_->noticed(each);
    }
}

void manager_process::own_event(std::uint64_t) {
    if (!stopped_) program_->tick(*core_, local(), *out_);
    step_soon();
    own_in(program_->tick_in(), 0);
}

void manager_process::begin_stop() {
    fact told = begin(fact::kind::note);
    told.text = "stop";
    world_.past.add(std::move(told));
    // Who came by itself and serves no request parts without a word to the program.
    std::size_t idle = core_->workers();
    for (const auto& [group, each] : program_->requests()) idle -= core_->workers_of(group);
    core_->on(core::stop_manager{}, local(), *out_);
    collect();
    stopped_ = true;
    released_ += idle;
    count();
}

void manager_process::count() {
    tell_count("outstanding", core_->outstanding(), 0);
    tell_count("workers", core_->workers(), 0);
    tell_count("submitted", core_->calls().submitted, submitted_);
    tell_count("results", core_->calls().results, settled_values_);
    tell_count("errors", core_->calls().errors, settled_errors_);
    tell_count("sent", core_->calls().sent, sent_);
    tell_count("joined", core_->counters().joined, welcomed_);
    tell_count("lost", core_->counters().lost, welcomed_ - released_);
    tell_count("manager's violations", core_->counters().violations, violations_);
    tell_count("known types that a manager does not know", unimplemented_known_, 0);
    tell_count("late results", core_->calls().stale_answers, late_);
    // A call that failed may have moved once more than it was sent again.
    std::uint64_t again = 0, perhaps = 0;
    for (const auto& [ticket, attempts] : attempts_) {
        again += attempts - 1;
        if (failed_.contains(ticket)) ++perhaps;
    }
    again -= std::min(again, core_->calls().hedged);  // those were not moved
    const std::uint64_t moved = core_->calls().reassigned;
    tell_count("moved", moved, std::clamp(moved, again, again + perhaps));
    tell_count("program's open calls", program_->outstanding(), 0);
}

instant manager_process::next_deadline() const { return core_->next_deadline(); }

namespace {
// What a peer is told only if it broke the protocol.
bool is_violation(errc code) {
    return code == errc::protocol_violation || code == errc::version_mismatch ||
           code == errc::too_large;
}
}  // namespace

wire::unfinished_payload& manager_process::unfinished(const core::send& what) {
    const auto key = std::make_pair(what.to, what.relayed.value_or(base::lease_id{}));
    auto& found = unfinished_[key];
    found.part = wire::record_type::manager_part;
    found.bytes_max = limits{}.message_bytes_max;
    return found;
}

void manager_process::said(core::send& what) {
    const auto head = wire::read_header(what.message.first.view());
    if (!head) return;
    if (head.value().channel == wire::channel::control) {
        const auto decoded = wire::decode_control(what.message, settings_.limits);
        const auto* wants = decoded ? std::get_if<wire::request>(&decoded.value()) : nullptr;
        if (wants == nullptr) return;
        fact told = begin(fact::kind::wanted);
        told.group = static_cast<std::uint32_t>(wants->request.value);  // both count from 1
        told.token = wants->token;
        return world_.past.add(std::move(told));
    }
    if (head.value().channel != wire::channel::link) return;
    wire::message copy{what.message.first.copy(), {}};  // its parts are joined
    for (const auto& frame : what.message.rest) copy.rest.push_back(frame.copy());
    wire::link_reader records{copy, limits{}.extensions_max, &unfinished(what)};
    wire::record record;
    while (records.next(record)) {
        if (record.type == wire::record_type::welcome) {
            const auto answer = wire::decode_welcome(record.body, limits{});
            if (!answer) continue;
            if (!what.relayed) {
                beats_[what.to.value].patience =
                    std::chrono::milliseconds{answer.value().interval_ms} * answer.value().liveness;
            }
            fact told = begin(fact::kind::welcomed);
            ++welcomed_;
            told.stamp = answer.value().stamp;
            told.link = what.to.value;
            told.lease = what.relayed.value_or(base::lease_id{});
            world_.past.add(std::move(told));
        }
        if (record.type == wire::record_type::reject ||
            record.type == wire::record_type::manager_goodbye) {
            const auto why = wire::decode_parting(record.body, limits{});
            if (why && is_violation(wire::code_of(why.value().error))) ++violations_;
        }
        if (record.type == wire::record_type::manager_unimplemented) {
            const auto type = wire::decode_unimplemented(record.body);
            if (!type || wire::is_known(static_cast<wire::record_type>(*type)))
                ++unimplemented_known_;
        }
        const bool is_cancel = record.type == wire::record_type::cancel;
        if (record.type != wire::record_type::call && !is_cancel) continue;
        base::byte_view body = record.body;
        const auto attempt = wire::take_attempt(body);
        if (is_cancel) {
            fact told = begin(fact::kind::cancelled);
            told.link = what.to.value;
            told.lease = what.relayed.value_or(base::lease_id{});
            if (attempt) told.call = attempt->call.value;
            if (attempt) told.attempt = attempt->number.value;
            world_.past.add(std::move(told));
            continue;
        }
        arguments args;
        base::buffer payload;
        if (attempt) wire::take_payload(record, body, payload);
        fact told = begin(fact::kind::sent);
        told.right = attempt && unpack(payload.view(), args);
        if (attempt) told.call = attempt->call.value;
        if (attempt) told.attempt = attempt->number.value;
        ++sent_;
        told.ticket = args.ticket;
        attempts_[args.ticket] = std::max(attempts_[args.ticket], told.attempt);
        if (!what.relayed) {
            const beat& its = beats_[what.to.value];
            told.silent_at = base::after(its.heard, its.patience);
        }
        told.link = what.to.value;
        told.lease = what.relayed.value_or(base::lease_id{});
        told.large = record.apart != nullptr;
        const auto to = std::pair(what.to, told.lease);
        const bool gets_none =
            core_ != nullptr && given_back_.contains(to) && core_->given_back().contains(to);
        if (gets_none && !told.large) told.text = "to one that is given back";
        told.at_most_once = (record.flags & wire::flag_at_most_once) != 0;
        world_.past.add(std::move(told));
    }
}

}  // namespace maus::sim
