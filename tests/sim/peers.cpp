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
    registered_.clear();
    registrations_ = relayed_ = 0;
    config.bounds = bounds_;
    core_.emplace(std::move(config), local());
}

void parkserver_process::feed(input& what) {
    if (auto* message = std::get_if<core::received>(&what)) {
        hear(*message);
        core_->on(std::move(*message), local(), *out_);
    } else if (const auto* end = std::get_if<core::down>(&what)) {
        core_->on(*end, local(), *out_);
    }
}

bool parkserver_process::turn() {
    core_->advance_to(local(), *out_);
    return apply(*out_);
}

void parkserver_process::begin_stop() {
    count();
    core_->stop(*out_);
    stopped_ = true;
}

// What workers say of themselves: by this, and nothing else, may a parkserver take them for free.
void parkserver_process::hear(const core::received& from) {
    const auto head = wire::read_header(from.what.first.view());
    if (!head || head.value().channel != wire::channel::control) return;
    const auto decoded = wire::decode_control(from.what, bounds_);
    if (!decoded) return;
    fact heard = begin(fact::kind::told);
    const auto& what = decoded.value();
    if (const auto* joins = std::get_if<wire::register_worker>(&what)) {
        registered_[from.from.value] = joins->worker;
        heard.right = joins->free;
    } else if (const auto* free = std::get_if<wire::available>(&what)) {
        heard.lease = free->ended;
    } else if (std::holds_alternative<wire::occupied>(what)) {
        heard.right = false;
    } else if (const auto* no = std::get_if<wire::refused>(&what)) {
        heard.lease = no->lease;
        heard.text = "void";
    } else {
        return;
    }
    const auto who = registered_.find(from.from.value);
    if (who == registered_.end()) return;
    heard.worker = who->second;
    heard.link = from.from.value;
    if (heard.text.empty()) heard.text = heard.right ? "free" : "not free";
    world_.past.add(std::move(heard));
}

void parkserver_process::said(core::send& what) {
    const auto head = wire::read_header(what.what.first.view());
    if (!head) return;
    if (head.value().channel == wire::channel::relay) ++relayed_;
    if (head.value().channel != wire::channel::control) return;
    const auto decoded = wire::decode_control(what.what, bounds_);
    if (!decoded) return;
    if (std::holds_alternative<wire::registered>(decoded.value())) ++registrations_;
    const auto who = registered_.find(what.to.value);
    if (who == registered_.end()) return;
    if (const auto* end = std::get_if<wire::lease_ended>(&decoded.value())) {
        fact told = begin(fact::kind::told);
        told.worker = who->second;
        told.link = what.to.value;
        told.lease = end->lease;
        told.text = "void";
        return world_.past.add(std::move(told));
    }
    const auto* offer = std::get_if<wire::assign>(&decoded.value());
    if (offer == nullptr) return;
    fact told = begin(fact::kind::offered);
    told.worker = who->second;
    told.link = what.to.value;
    told.manager = offer->manager;
    told.lease = offer->lease;
    told.token = offer->token;
    world_.past.add(std::move(told));
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
    out_ = std::make_unique<core::worker_effects>(bounds_);
    core_ = std::make_unique<core::worker>(config(), local());
    executor_ = std::make_unique<executor>(*this, core_->config());
}

void worker_process::unmake() {
    executor_.reset();
    core_.reset();
}

void worker_process::feed(input& what) {
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

// A worker that is mad, if the plan has such: it says results again, on whatever link it has now.
void worker_process::said(core::send& what) {
    const auto head = wire::read_header(what.what.first.view());
    if (!head || head.value().channel != wire::channel::link) return;
    note_hello(what);
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

void worker_process::own_event(std::uint64_t detail) {
    if (detail == babble_event) return babble();
    if (detail == forge_event) return forge();
    executor_->reach(detail);
    if (is_up()) step_soon();
}

}  // namespace maus::sim
