#include "peers.hpp"

namespace maus::sim {

using std::chrono::milliseconds;

std::string type_name(std::uint32_t number) { return "type" + std::to_string(number); }

namespace {
core::heartbeat draw_beat(const plan& how, base::random& luck) {
    return {between(luck, how.interval_ms_min, how.interval_ms_max),
            between(luck, how.liveness_min, how.liveness_max)};
}
}  // namespace

// --- parkserver ---------------------------------------------------------------------------------

std::string parkserver_process::name() const { return "parkserver p" + std::to_string(number()); }

void parkserver_process::make(bool) {
    stopped_ = false;
    bounds_ = world_.how.bounds;
    out_.emplace(bounds_);
    broker::parkserver_config config;
    config.id = base::parkserver_id::make(luck_);
    config.epoch = wall_us() * 16 + number();
    peers_.clear();
    granted_.clear();
    collected_ = 0;
    registrations_ = relayed_ = workers_lost_ = managers_lost_ = 0;
    config.bounds = bounds_;
    core_.emplace(std::move(config), local());
}

void parkserver_process::feed(input& what) {
    if (auto* message = std::get_if<core::received>(&what)) {
        input_from_ = message->from;
        hear(*message);
        core_->on(std::move(*message), local(), *out_);
    } else if (const auto* end = std::get_if<core::down>(&what)) {
        input_from_ = {};
        core_->on(*end, local(), *out_);
    }
    collect();
}

bool parkserver_process::turn() {
    input_from_ = {};
    core_->advance_to(local(), *out_);
    collect();
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

void parkserver_process::heard(const core::received& from, const wire::register_worker& what) {
    peers_[from.from.value] = {what.worker, {}, what.incarnation.value};
    if (what.serving) {
        name(what.worker, what.serving->manager, what.serving->lease, what.serving->token);
    }
}

void parkserver_process::heard(const core::received& from, const wire::request& what) {
    fact told = begin(fact::kind::asked);
    told.link = from.from.value;
    told.token = what.token;
    told.group = static_cast<std::uint32_t>(what.request.value);
    told.text = what.type;
    world_.past.add(std::move(told));
    for (const auto& each : what.held) {
        name(each.worker, peers_[from.from.value].manager, each.lease, what.token);
    }
}

// What workers say of themselves: by this, and nothing else, may a parkserver take them for free.
void parkserver_process::hear(const core::received& from) {
    const auto head = wire::read_header(from.what.first.view());
    if (!head || head.value().channel != wire::channel::control) return;
    const auto decoded = wire::decode_control(from.what, bounds_);
    if (!decoded) return;
    fact told = begin(fact::kind::told);
    told.link = from.from.value;
    const auto& what = decoded.value();
    if (const auto* joins = std::get_if<wire::register_worker>(&what)) {
        heard(from, *joins);
        told.right = joins->free;
    } else if (const auto* employer = std::get_if<wire::register_manager>(&what)) {
        peers_[from.from.value] = {{}, employer->manager, employer->incarnation.value};
        return;
    } else if (const auto* wants = std::get_if<wire::request>(&what)) {
        return heard(from, *wants);
    } else if (const auto* no_more = std::get_if<wire::cancel>(&what)) {
        told.what = fact::kind::unasked;
        told.group = static_cast<std::uint32_t>(no_more->request.value);
        return world_.past.add(std::move(told));
    } else if (const auto* free = std::get_if<wire::available>(&what)) {
        told.lease = free->ended;
    } else if (const auto* busy = std::get_if<wire::occupied>(&what)) {
        told.right = false;
        const auto& by = busy->serving;
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
        }
    }
}

void parkserver_process::witness(core::send& what) {
    const auto head = wire::read_header(what.what.first.view());
    if (!head) return;
    if (head.value().channel == wire::channel::relay) {
        ++relayed_;
        fact told = begin(fact::kind::relayed);
        told.link = input_from_.value;
        if (const auto lease = wire::peek_relay(what.what)) told.lease = lease.value();
        return world_.past.add(std::move(told));
    }
    if (head.value().channel != wire::channel::control) return;
    const auto decoded = wire::decode_control(what.what, bounds_);
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
    } else if (const auto* end = std::get_if<wire::lease_ended>(&decoded.value())) {
        told.lease = end->lease;
        told.text = "void";
    } else if (const auto* offer = std::get_if<wire::assign>(&decoded.value())) {
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
    const auto tell = [&](const char* what, std::uint64_t is, std::uint64_t should) {
        fact told = begin(fact::kind::count);
        told.text = what;
        told.ticket = is;
        told.call = should;
        world_.past.add(std::move(told));
    };
    tell("registrations", core_->counters().registrations, registrations_);
    tell("relayed", core_->counters().relayed, relayed_);
    tell("grants", core_->counters().grants, granted_.size());
    tell("workers_lost", core_->counters().workers_lost, workers_lost_);
    tell("managers_lost", core_->counters().managers_lost, managers_lost_);
}

instant parkserver_process::next_deadline() const { return core_->next_deadline(); }

// --- manager ------------------------------------------------------------------------------------

manager_process::manager_process(world& in, std::uint32_t number) : process(in, number) {}

namespace {
std::string spell(core::heartbeat beat) {
    return std::to_string(beat.interval_ms) + " ms x " + std::to_string(beat.liveness);
}
}  // namespace

std::string manager_process::name() const { return "manager p" + std::to_string(number()); }

void manager_process::make(bool keep_identity) {
    stopped_ = false;
    bounds_ = world_.how.bounds;
    settled_values_ = settled_errors_ = submitted_ = sent_ = 0;
    beats_.clear();
    core::manager_config config;
    if (!keep_identity || id_.none()) id_ = base::manager_id::make(luck_);
    config.id = id_;
    config.incarnation = {wall_us()};
    if (!chance(luck_, world_.how.relayed)) {
        if (chance(luck_, world_.how.bad_address))
            config.endpoints.push_back("tcp://host4000000:1");
        config.endpoints.push_back(network::address_of(number()));
    } else if (chance(luck_, world_.how.bad_address)) {
        config.endpoints.push_back("tcp://host4000000:1");
    }
    config.beat = draw_beat(world_.how, luck_);
    config.bounds = bounds_;
    if (world_.past.traced()) world_.past.say("    " + name() + " beats " + spell(config.beat));
    config.seed = luck_();
    out_ = std::make_unique<core::manager_effects>(bounds_);
    core_ = std::make_unique<core::manager>(std::move(config), local());
    program_ = std::make_unique<program>(world_, *this);
    program_->begin(*core_);
    for (const auto* at : world_.parkservers) {
        core_->on(core::add_parkserver{network::address_of(at->number())}, local(), *out_);
    }
    own_in(program_->tick_in(), 0);
}

void manager_process::unmake() {
    program_.reset();
    core_.reset();
}

void manager_process::feed(input& what) {
    if (const auto* message = std::get_if<core::received>(&what)) {
        beats_[message->from.value].heard = local();
    }
    std::visit([&](auto& each) { core_->on(std::move(each), local(), *out_); }, what);
    collect();
}

bool manager_process::turn() {
    core_->advance_to(local(), *out_);
    collect();
    return apply(out_->net);
}

// Takes note at once of what one input led to, so that the history has the order of things.
void manager_process::collect() {
    if (out_->done.empty() && out_->news.empty()) return;
    const auto done = std::exchange(out_->done, {});
    for (const auto& each : done) {
        ++(each.result.error ? settled_errors_ : settled_values_);
        program_->settled(each);
    }
    for (const auto& each : std::exchange(out_->news, {})) program_->noticed(each);
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
    core_->on(core::stop_manager{}, local(), *out_);
    collect();
    stopped_ = true;
    count();
}

void manager_process::count() {
    const auto tell = [&](const char* what, std::uint64_t is, std::uint64_t should) {
        fact told = begin(fact::kind::count);
        told.text = what;
        told.ticket = is;
        told.call = should;
        world_.past.add(std::move(told));
    };
    tell("outstanding", core_->outstanding(), 0);
    tell("workers", core_->workers(), 0);
    tell("submitted", core_->calls().submitted, submitted_);
    tell("results", core_->calls().results, settled_values_);
    tell("errors", core_->calls().errors, settled_errors_);
    tell("sent", core_->calls().sent, sent_);
    tell("program's open calls", program_->outstanding(), 0);
}

instant manager_process::next_deadline() const { return core_->next_deadline(); }

void manager_process::said(core::send& what) {
    const auto head = wire::read_header(what.what.first.view());
    if (!head) return;
    if (head.value().channel == wire::channel::control) {
        const auto decoded = wire::decode_control(what.what, bounds_);
        const auto* wants = decoded ? std::get_if<wire::request>(&decoded.value()) : nullptr;
        if (wants == nullptr) return;
        fact told = begin(fact::kind::wanted);
        told.group = static_cast<std::uint32_t>(wants->request.value);  // both count from 1
        told.token = wants->token;
        return world_.past.add(std::move(told));
    }
    if (head.value().channel != wire::channel::link) return;
    wire::link_reader records{what.what};
    wire::record record;
    while (records.next(record)) {
        if (record.type == wire::record_type::welcome) {
            const auto answer = wire::decode_welcome(record.body);
            if (!answer) continue;
            if (!what.relayed) {
                beats_[what.to.value].patience =
                    std::chrono::milliseconds{answer.value().interval_ms} * answer.value().liveness;
            }
            fact told = begin(fact::kind::welcomed);
            told.stamp = answer.value().stamp;
            told.link = what.to.value;
            told.lease = what.relayed.value_or(base::lease_id{});
            world_.past.add(std::move(told));
        }
        if (record.type != wire::record_type::call) continue;
        base::byte_view body = record.body;
        const auto attempt = wire::take_attempt(body);
        arguments args;
        const base::byte_view payload = record.apart != nullptr ? record.apart->view() : body;
        fact told = begin(fact::kind::sent);
        told.right = attempt && unpack(payload, args);
        if (attempt) told.call = attempt->call.value;
        if (attempt) told.attempt = attempt->number.value;
        ++sent_;
        told.ticket = args.ticket;
        if (!what.relayed) {
            const beat& its = beats_[what.to.value];
            told.silent_at = base::after(its.heard, its.patience);
        }
        told.link = what.to.value;
        told.lease = what.relayed.value_or(base::lease_id{});
        told.at_most_once = (record.flags & wire::flag_at_most_once) != 0;
        world_.past.add(std::move(told));
    }
}

// --- worker -------------------------------------------------------------------------------------

worker_process::worker_process(world& in, std::uint32_t number, bool direct)
    : process(in, number), direct_(direct) {
    type_ =
        direct ? "direct" : type_name(static_cast<std::uint32_t>(in.workers.size()) % in.how.types);
}

std::string worker_process::name() const { return "worker p" + std::to_string(number()); }

core::worker_config worker_process::config() {
    core::worker_config made;
    made.id = id_;
    made.incarnation = {wall_us()};
    made.type = type_;
    for (std::size_t each = 0; each < functions; ++each) {
        const auto which = static_cast<function>(each);
        if (which == function::absent || (which == function::rare && chance(luck_, 0.5))) continue;
        made.signatures.emplace_back(signatures[each]);
    }
    made.concurrency = between(luck_, 1, world_.how.concurrency_max);
    made.beat = draw_beat(world_.how, luck_);
    if (world_.past.traced()) world_.past.say("    " + name() + " beats " + spell(made.beat));
    made.link_timeout = world_.how.link_timeout;
    made.bounds = bounds_;
    made.seed = luck_();
    if (direct_) {
        const auto which = world_.managers[luck_.below(world_.managers.size())];
        made.manager = network::address_of(which->number());
    }
    for (const auto* at : world_.parkservers) {
        if (!direct_) made.parkservers.push_back(network::address_of(at->number()));
    }
    return made;
}

void worker_process::make(bool keep_identity) {
    bounds_ = world_.how.bounds;
    if (!keep_identity || id_.none()) id_ = base::worker_id::make(luck_);
    if (world_.phase == phase::chaos && chance(luck_, world_.how.twins)) {
        const auto* twin = world_.workers[luck_.below(world_.workers.size())];
        if (!twin->id().none()) {
            id_ = twin->id();
        }
    }
    link_ = {};
    old_results_.clear();
    accepted_.reset();
    out_ = std::make_unique<core::worker_effects>(bounds_);
    core_ = std::make_unique<core::worker>(config(), local());
    executor_ = std::make_unique<executor>(*this, core_->config());
}

void worker_process::unmake() {
    executor_.reset();
    core_.reset();
}

void worker_process::feed(input& what) {
    witness_given(what);
    std::visit([&](auto& each) { core_->on(std::move(each), local(), *out_); }, what);
}

bool worker_process::turn() {
    if (world_.phase >= phase::quiet && executor_->hangs()) executor_->let_go();
    for (;;) {
        for (auto& told : executor_->take_news()) {
            std::visit([&](auto& each) { core_->on(std::move(each), local(), *out_); }, told);
        }
        core_->advance_to(local(), *out_);
        executor_->take(*out_);
        executor_->pump(*core_, local());
        auto more = executor_->take_news();
        if (more.empty()) break;
        for (auto& told : more) {
            std::visit([&](auto& each) { core_->on(std::move(each), local(), *out_); }, told);
        }
    }
    return apply(out_->net);
}

void worker_process::begin_stop() {
    const duration patience = between(luck_, milliseconds{10}, milliseconds{3000});
    core_->on(core::stop_worker{local() + patience}, local(), *out_);
}

bool worker_process::has_stopped() const { return core_->now_in() == core::worker::state::stopped; }

instant worker_process::next_deadline() const { return core_->next_deadline(); }

namespace {
constexpr std::uint64_t babble_event = ~std::uint64_t{0};
constexpr std::uint64_t forge_event = babble_event - 1;
constexpr std::uint64_t accept_event = babble_event - 2;
}  // namespace

void worker_process::note_hello(core::send& what) {
    wire::link_reader records{what.what};
    wire::record record;
    if (!records.next(record) || record.type != wire::record_type::hello) return;
    const auto hello = wire::decode_hello(record.body, bounds_);
    if (!hello) return;
    lease_ = hello.value().lease;
    fact told = begin(fact::kind::greeted);
    told.worker = hello.value().worker;
    told.incarnation = hello.value().incarnation.value;
    told.lease = hello.value().lease;
    told.token = hello.value().token;
    told.stamp = hello.value().stamp;
    world_.past.add(std::move(told));
}

// A liar: it says a result of a call that another worker has.
void worker_process::forge() {
    const auto& known = world_.handed_out;
    if (known.empty() || link_ == base::route{}) return;
    const auto& of = known[luck_.below(known.size())];
    if (of.process == number()) return;
    ++world_.faults.forged;
    answer lie;
    lie.call = of.what.call.value;
    lie.attempt = of.what.number.value;
    core::outbox out{bounds_};
    core::port to{.to = link_, .relayed = relayed_};
    out.link(to).result(of.what, pack(lie));
    world_.net.send(*this, std::move(std::get<core::send>(out.effects().front())));
}

namespace {
bool is_answer(wire::record_type type) {
    return type == wire::record_type::result || type == wire::record_type::failed ||
           type == wire::record_type::returned;
}
}  // namespace

// The calls that come to it, and its manager's farewell.
void worker_process::witness_given(const input& what) {
    const auto* message = std::get_if<core::received>(&what);
    if (message == nullptr) return;
    auto head = wire::read_header(message->what.first.view());
    wire::message copy{message->what.first.copy(), {}};
    for (const auto& frame : message->what.rest) copy.rest.push_back(frame.copy());
    fact told = begin(fact::kind::given);
    told.link = message->from.value;
    if (head && head.value().channel == wire::channel::relay) {
        const auto lease = wire::unwrap_relay(copy);
        if (!lease) return;
        told.lease = lease.value();
        head = wire::read_header(copy.first.view());
    }
    if (!head || head.value().channel != wire::channel::link) return;
    wire::link_reader records{copy};
    for (wire::record record; records.next(record);) {
        base::byte_view body = record.body;
        if (record.type == wire::record_type::call) {
            const auto attempt = wire::take_attempt(body);
            if (!attempt) return;
            told.what = fact::kind::given;
            told.call = attempt->call.value;
            told.attempt = attempt->number.value;
        } else if (record.type == wire::record_type::manager_goodbye ||
                   record.type == wire::record_type::reject) {
            told.what = fact::kind::dismissed;
        } else {
            continue;
        }
        world_.past.add(told);
    }
}

void worker_process::witness_answers(const core::send& what) {
    fact told = begin(fact::kind::answered);
    told.link = what.to.value;
    told.lease = what.relayed.value_or(base::lease_id{});
    wire::message copy{what.what.first.copy(), {}};
    for (const auto& frame : what.what.rest) copy.rest.push_back(frame.copy());
    wire::link_reader records{copy};
    for (wire::record record; records.next(record);) {
        told.right = is_answer(record.type);
        if (!told.right && record.type != wire::record_type::detached &&
            record.type != wire::record_type::started) {
            continue;
        }
        base::byte_view body = record.body;
        const auto attempt = wire::take_attempt(body);
        if (!attempt) continue;
        told.call = attempt->call.value;
        told.attempt = attempt->number.value;
        world_.past.add(told);
    }
}

// A worker that is mad, if the plan has such: it says results again, on whatever link it has now.
void worker_process::said(core::send& what) {
    const auto head = wire::read_header(what.what.first.view());
    if (head && head.value().channel == wire::channel::control && world_.how.babble > 0) {
        const auto decoded = wire::decode_control(what.what, bounds_);
        const auto* yes = decoded ? std::get_if<wire::accepted>(&decoded.value()) : nullptr;
        if (yes == nullptr) return;
        accepted_at_ = what.to;
        accepted_ = *yes;
        if (world_.phase == phase::chaos && chance(luck_, world_.how.babble))
            own_in(between(luck_, milliseconds{1}, milliseconds{100}), accept_event);
        return;
    }
    if (!head || head.value().channel != wire::channel::link) return;
    note_hello(what);
    witness_answers(what);
    if (world_.how.babble == 0 && world_.how.forges == 0) return;
    link_ = what.to;
    relayed_ = what.relayed;
    if (world_.phase != phase::chaos) return;
    bool only_results = true;
    wire::link_reader records{what.what};
    for (wire::record record; records.next(record);) {
        only_results = only_results && record.type == wire::record_type::result;
    }
    if (only_results) {
        wire::message copy{what.what.first.copy(), {}};
        for (const auto& frame : what.what.rest) copy.rest.push_back(frame.copy());
        if (old_results_.size() >= 8) old_results_.pop_front();
        old_results_.push_back(std::move(copy));
    }
    if (chance(luck_, world_.how.forges))
        own_in(between(luck_, milliseconds{1}, milliseconds{5}), forge_event);
    if (!chance(luck_, world_.how.babble)) return;
    own_in(between(luck_, milliseconds{1}, milliseconds{500}), babble_event);
}

void worker_process::babble() {
    if (old_results_.empty()) return;
    const auto& old = old_results_[luck_.below(old_results_.size())];
    core::send again{link_, relayed_, {old.first.copy(), {}}, 1};
    for (const auto& frame : old.rest) again.what.rest.push_back(frame.copy());
    world_.net.send(*this, std::move(again));
}

void worker_process::accept_again() {
    if (!accepted_) return;
    world_.net.send(*this, {accepted_at_, {}, wire::encode_control(*accepted_), 1});
}

void worker_process::own_event(std::uint64_t detail) {
    if (detail == babble_event) return babble();
    if (detail == forge_event) return forge();
    if (detail == accept_event) return accept_again();
    executor_->reach(detail);
    if (is_up()) step_soon();
}

}  // namespace maus::sim
