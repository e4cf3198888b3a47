#include "peers.hpp"

namespace maus::sim {

std::string parkserver_process::name() const { return "parkserver p" + std::to_string(number()); }

void parkserver_process::make(bool) {
    stopped_ = false;
    settings_.limits = world_.how.bounds;
    out_.emplace(settings_);
    broker::parkserver_config config;
    config.id = base::parkserver_id::make(luck_);
    config.epoch = wall_us() * 16 + number();
    peers_.clear();
    parted_.clear();
    granted_.clear();
    request_.clear();
    rows_.clear();
    to_look_ = false;
    collected_ = 0;
    registrations_ = relayed_ = workers_lost_ = managers_lost_ = violations_ = 0;
    config.settings.limits = settings_.limits;
    core_.emplace(std::move(config), local());
}

void parkserver_process::feed(input& what) {
    rejected_ = false;
    if (auto* message = std::get_if<core::received>(&what)) {
        input_from_ = message->from;
        if (!parted_.contains(message->from.value)) hear(*message);
        core_->on(std::move(*message), local(), *out_);
    } else if (const auto* end = std::get_if<core::down>(&what)) {
        input_from_ = {};
        parted_.erase(end->from.value);
        core_->on(*end, local(), *out_);
    }
    collect();
    take_request();
    look();
}

bool parkserver_process::turn() {
    input_from_ = {};
    core_->advance_to(local(), *out_);
    collect();
    look();
    collected_ = 0;
    return apply(*out_);
}

void parkserver_process::begin_stop() {
    count();
    core_->stop(*out_);
    stopped_ = true;
}

// --- what its peers say, and what it says: facts in the order of their causes

void parkserver_process::name(const base::worker_id& worker, const base::manager_id& manager,
                              const base::lease_id& lease, const base::token& token) {
    if (lease.none()) return;
    fact told = begin(fact::kind::named);
    told.worker = worker;
    told.manager = manager;
    told.lease = lease;
    told.token = token;
    world_.past.add(std::move(told));
}

// What a worker says of itself.
void parkserver_process::heard_word(const core::received& from, const base::worker_id& of,
                                    const std::optional<wire::service>& word, bool registers) {
    fact told = begin(fact::kind::serves);
    told.link = from.from.value;
    told.worker = of;
    told.right = word.has_value();
    if (word) told.lease = word->lease;
    if (registers) told.text = "registers";
    world_.past.add(std::move(told));
}

void parkserver_process::heard(const core::received& from, const wire::register_worker& what) {
    heard_word(from, what.worker, what.serving, true);
    peers_[from.from.value] = {what.worker, {}, what.incarnation.value, what.type};
    if (what.serving) {
        name(what.worker, what.serving->manager, what.serving->lease, what.serving->token);
    }
}

void parkserver_process::heard(const core::received& from, const wire::request& what,
                               const wire::extensions& extended) {
    fact told = begin(fact::kind::asked);
    const auto range = wire::elastic_in(extended);
    told.link = from.from.value;
    told.token = what.token;
    told.group = static_cast<std::uint32_t>(what.request.value);
    told.amount = what.amount;
    if (range && range.value()) {
        told.elastic = true;
        told.amount = range.value()->min;
        told.most = range.value()->max;
    }
    told.text = what.type;
    request_.push_back(told);
    for (const auto& each : what.held) {
        told.worker = each.worker;
        told.manager = peers_[from.from.value].manager;
        told.lease = each.lease;
        told.what = fact::kind::named;
        if (!each.lease.none()) request_.push_back(told);
        told.what = fact::kind::holds;
        request_.push_back(told);
    }
}

// A request that is rejected changes nothing.
void parkserver_process::take_request() {
    auto made = std::exchange(request_, {});
    if (rejected_) return;
    for (auto& each : made) world_.past.add(std::move(each));
}

void parkserver_process::heard(const core::received& from, const wire::worker_lost& what) {
    fact told = begin(fact::kind::lost);
    told.link = from.from.value;
    told.group = static_cast<std::uint32_t>(what.request.value);
    told.worker = what.worker;
    told.lease = what.lease;
    world_.past.add(std::move(told));
}

// What its table says now.
void parkserver_process::look() {
    if (!std::exchange(to_look_, false)) return;
    const wire::status table = core_->status(local());
    auto before = std::exchange(rows_, {});
    for (const auto& each : table.workers) {
        const row now{to_string(each.state), each.lease, each.manager};
        rows_[each.worker] = now;
        if (std::exchange(before[each.worker], now) == now) continue;
        fact told = begin(fact::kind::row);
        told.worker = each.worker;
        told.manager = each.manager;
        told.lease = each.lease;
        told.text = now.state;
        world_.past.add(std::move(told));
    }
    for (const auto& each : table.requests) {
        fact told = begin(fact::kind::has);
        told.manager = each.manager;
        told.group = static_cast<std::uint32_t>(each.request.value);
        told.amount = each.serving;
        told.text = std::to_string(each.serving);
        world_.past.add(std::move(told));
    }
}

bool parkserver_process::is_readable(const core::received& from) const {
    const auto head = wire::read_header(from.message.first.view());
    return head && head.value().version == wire::version &&
           head.value().channel != wire::channel::link &&
           from.message.frames() <= settings_.limits.frames_max + 1;
}

// What workers say of themselves: by this, and nothing else, may a parkserver take them for free.
void parkserver_process::hear(const core::received& from) {
    judged_ = true;
    if (!is_readable(from)) {
        ++violations_;
        return;
    }
    const auto head = wire::read_header(from.message.first.view());
    judged_ = head.value().channel == wire::channel::control;
    if (!judged_) return;
    wire::extensions extended;
    const auto decoded = wire::decode_control(from.message, settings_.limits, &extended);
    if (!decoded) {
        if (decoded.why().code != errc::unimplemented) ++violations_;
        return;
    }
    // A registration may be turned away and be none; and who may say what, a session decides.
    judged_ = std::holds_alternative<wire::register_worker>(decoded.value()) ||
              std::holds_alternative<wire::register_manager>(decoded.value());
    to_look_ = !std::holds_alternative<wire::ping>(decoded.value());
    fact told = begin(fact::kind::told);
    told.link = from.from.value;
    const auto& what = decoded.value();
    if (const auto* joins = std::get_if<wire::register_worker>(&what)) {
        heard(from, *joins);
        told.right = joins->free;
    } else if (const auto* employer = std::get_if<wire::register_manager>(&what)) {
        peers_[from.from.value] = {{}, employer->manager, employer->incarnation.value, {}};
        return;
    } else if (const auto* wants = std::get_if<wire::request>(&what)) {
        return heard(from, *wants, extended);
    } else if (const auto* no_more = std::get_if<wire::cancel>(&what)) {
        told.what = fact::kind::unasked;
        told.group = static_cast<std::uint32_t>(no_more->request.value);
        return world_.past.add(std::move(told));
    } else if (const auto* loss = std::get_if<wire::worker_lost>(&what)) {
        return heard(from, *loss);
    } else if (const auto* free = std::get_if<wire::available>(&what)) {
        heard_word(from, peers_[from.from.value].worker, std::nullopt, false);
        told.lease = free->ended;
    } else if (const auto* busy = std::get_if<wire::occupied>(&what)) {
        told.right = false;
        const auto& by = busy->serving;
        heard_word(from, peers_[from.from.value].worker, by, false);
        name(peers_[from.from.value].worker, by.manager, by.lease, by.token);
    } else if (const auto* no = std::get_if<wire::refused>(&what)) {
        told.lease = no->lease;
        told.text = "void";
    } else {
        return;
    }
    const auto who = peers_.find(from.from.value);
    if (who == peers_.end() || who->second.worker.none()) return;
    told.worker = who->second.worker;
    if (told.text.empty()) told.text = told.right ? "free" : "not free";
    world_.past.add(std::move(told));
}

void parkserver_process::collect() {
    auto& effects = out_->effects();
    for (; collected_ < effects.size(); ++collected_) {
        if (auto* say = std::get_if<core::send>(&effects[collected_])) {
            witness(*say);
        } else if (const auto* log = std::get_if<core::note>(&effects[collected_])) {
            witness(*log);
        } else if (const auto* part = std::get_if<core::close>(&effects[collected_])) {
            parted_.insert(part->to.value);
        }
    }
}

void parkserver_process::witness(core::send& what) {
    const auto head = wire::read_header(what.message.first.view());
    if (!head) return;
    if (head.value().channel == wire::channel::relay) {
        ++relayed_;
        fact told = begin(fact::kind::relayed);
        told.link = input_from_.value;
        if (const auto lease = wire::peek_relay(what.message)) told.lease = lease.value();
        return world_.past.add(std::move(told));
    }
    if (head.value().channel != wire::channel::control) return;
    const auto decoded = wire::decode_control(what.message, settings_.limits);
    const auto* no = decoded ? std::get_if<wire::rejected>(&decoded.value()) : nullptr;
    rejected_ = rejected_ || no != nullptr;
    if (no != nullptr && !judged_ && wire::code_of(no->error) != errc::overloaded) ++violations_;
    const auto who = peers_.find(what.to.value);
    if (!decoded || who == peers_.end()) return;
    fact told = begin(fact::kind::told);
    told.worker = who->second.worker;
    told.link = what.to.value;
    if (std::holds_alternative<wire::registered>(decoded.value())) {
        ++registrations_;
        told.what = fact::kind::enrolled;
        told.manager = who->second.manager;
        told.incarnation = who->second.incarnation;
        told.text = who->second.type;
    } else if (const auto* end = std::get_if<wire::lease_ended>(&decoded.value())) {
        to_look_ = true;
        told.lease = end->lease;
        told.text = "void";
    } else if (const auto* offer = std::get_if<wire::assign>(&decoded.value())) {
        to_look_ = true;
        told.what = fact::kind::offered;
        told.manager = offer->manager;
        told.lease = offer->lease;
        told.token = offer->token;
        world_.overhear({offer->lease, told.worker});
    } else {
        return;
    }
    if (told.what == fact::kind::told && told.worker.none()) return;
    world_.past.add(std::move(told));
}

// Who has left, and which lease began, stands in its log.
void parkserver_process::witness(const core::note& what) {
    if (what.text.starts_with("lease ")) granted_.insert(what.text.substr(0, what.text.find(':')));
    if (what.text.find(" left: ") == std::string::npos) return;
    to_look_ = true;
    const bool is_worker = what.text.starts_with("worker ");
    ++(is_worker ? workers_lost_ : managers_lost_);
    const std::string brief = what.text.substr(what.text.find(' ') + 1, 8);
    fact told = begin(fact::kind::parted);
    std::erase_if(peers_, [&](const auto& each) {
        const auto& [route, who] = each;
        const bool it_is =
            is_worker ? base::brief(who.worker) == brief : base::brief(who.manager) == brief;
        if (it_is) told.worker = who.worker;
        if (it_is) told.manager = who.manager;
        return it_is && route != input_from_.value;  // it may have come back with this very input
    });
    if (!told.worker.none() || !told.manager.none()) world_.past.add(std::move(told));
}

void parkserver_process::count() {
    tell_count("registrations", core_->counters().registrations, registrations_);
    tell_count("relayed", core_->counters().relayed, relayed_);
    tell_count("grants", core_->counters().grants, granted_.size());
    tell_count("workers_lost", core_->counters().workers_lost, workers_lost_);
    tell_count("managers_lost", core_->counters().managers_lost, managers_lost_);
    tell_count("parkserver's violations", core_->counters().violations, violations_);
}

instant parkserver_process::next_deadline() const { return core_->next_deadline(); }

}  // namespace maus::sim
