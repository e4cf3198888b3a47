#include "peers.hpp"

namespace maus::sim {

using std::chrono::milliseconds;

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
    made.beat = draw_beat();
    made.link_timeout = world_.how.link_timeout;
    made.settings.limits = settings_.limits;
    made.has_hooks = world_.how.hooks > 0 && chance(luck_, world_.how.hooks);
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
    settings_.limits = world_.how.bounds;
    if (!keep_identity || id_.none()) id_ = base::worker_id::make(luck_);
    if (world_.phase == phase::chaos && chance(luck_, world_.how.twins)) {
        const auto* twin = world_.workers[luck_.below(world_.workers.size())];
        if (!twin->id().none()) {
            id_ = twin->id();
        }
    }
    returns_until_ = {};
    if (world_.phase == phase::chaos && world_.how.returns > 0 &&
        chance(luck_, world_.how.returns)) {
        returns_until_ = local() + between(luck_, milliseconds{200}, milliseconds{3000});
    }
    link_ = {};
    leases_ = jobs_ = jobs_done_ = answers_ = answers_at_once_ = unimplemented_known_ = 0;
    taken_.clear();
    old_results_.clear();
    accepted_.reset();
    out_ = std::make_unique<core::worker_effects>(settings_);
    core_ = std::make_unique<core::worker>(config(), local());
    executor_ = std::make_unique<executor>(*this, core_->config());
    if (core_->config().has_hooks) world_.past.add(begin(fact::kind::hooked));
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
        for (auto& told : executor_->take_news()) tell(std::move(told));
        core_->advance_to(local(), *out_);
        for (const auto& each : out_->execute) {
            ++jobs_;
            taken_.emplace(each.attempt.call.value, each.attempt.number.value);
        }
        executor_->take(*out_);
        executor_->pump(*core_, local());
        auto more = executor_->take_news();
        if (more.empty()) break;
        for (auto& told : more) tell(std::move(told));
    }
    if (!apply(out_->net)) return false;
    if (has_stopped()) count();
    return true;
}

void worker_process::tell(executor::news what) {
    if (std::holds_alternative<core::job_done>(what)) ++jobs_done_;
    std::visit([&](auto& each) { core_->on(std::move(each), local(), *out_); }, what);
}

// Managers and parkservers keep to the protocol.
void worker_process::count() {
    const core::worker_counters& its = core_->counters();
    tell_count("worker's calls", its.calls, jobs_ + answers_at_once_);
    tell_count("worker's answers", its.answers, answers_);
    tell_count("answers dropped", its.answers_dropped, jobs_done_ + answers_at_once_ - answers_);
    tell_count("worker's leases", its.leases, leases_);
    tell_count("worker's violations", its.violations, 0);
    tell_count("known types that a worker does not know", unimplemented_known_, 0);
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
    wire::link_reader records{what.message};
    wire::record record;
    if (!records.next(record) || record.type != wire::record_type::hello) return;
    const auto hello = wire::decode_hello(record.body, settings_.limits);
    if (!hello) return;
    lease_ = hello.value().lease;
    fact told = begin(fact::kind::greeted);
    told.worker = hello.value().worker;
    told.incarnation = hello.value().incarnation.value;
    told.lease = hello.value().lease;
    told.token = hello.value().token;
    told.stamp = hello.value().stamp;
    told.amount = hello.value().concurrency;
    world_.past.add(std::move(told));
}

// A liar: it says a result, or an item, of a call that another worker has.
void worker_process::forge() {
    const auto& known = world_.handed_out;
    if (known.empty() || link_ == base::route{}) return;
    const auto& of = known[luck_.below(known.size())];
    if (of.process == number()) return;
    ++world_.faults.forged;
    answer lie;
    lie.call = of.what.call.value;
    lie.attempt = of.what.number.value;
    core::outbox out{settings_};
    core::link_address to{.to = link_, .relayed = relayed_};
    if (world_.how.streams > 0 && chance(luck_, 0.5)) {
        out.link(to).items(of.what, 1, pack(lie));
    } else {
        out.link(to).result(of.what, pack(lie));
    }
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
    const auto* heard = std::get_if<core::received>(&what);
    if (heard == nullptr) return;
    auto head = wire::read_header(heard->message.first.view());
    wire::message copy{heard->message.first.copy(), {}};
    for (const auto& frame : heard->message.rest) copy.rest.push_back(frame.copy());
    fact told = begin(fact::kind::given);
    told.link = heard->from.value;
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
    wire::message copy{what.message.first.copy(), {}};
    for (const auto& frame : what.message.rest) copy.rest.push_back(frame.copy());
    wire::link_reader records{copy};
    for (wire::record record; records.next(record);) {
        told.right = is_answer(record.type);
        if (record.type == wire::record_type::worker_unimplemented) note_unimplemented(record);
        if (record.type == wire::record_type::item) {
            fact gave = told;
            gave.what = fact::kind::gave;
            base::byte_view body = record.body;
            if (const auto of = wire::take_attempt(body)) {
                gave.call = of->call.value;
                gave.attempt = of->number.value;
                world_.past.add(std::move(gave));
            }
            continue;
        }
        if (!told.right && record.type != wire::record_type::detached &&
            record.type != wire::record_type::started) {
            continue;
        }
        base::byte_view body = record.body;
        const auto attempt = wire::take_attempt(body);
        if (!attempt) continue;
        told.call = attempt->call.value;
        told.attempt = attempt->number.value;
        if (told.right) ++answers_;
        if (told.right && !taken_.contains({told.call, told.attempt})) ++answers_at_once_;
        told.text = record.type == wire::record_type::returned   ? "returned"
                    : record.type == wire::record_type::detached ? "detached"
                                                                 : "";
        world_.past.add(told);
    }
}

// Who does not know unimplemented, or what this version has, is broken ([P-63]).
void worker_process::note_unimplemented(const wire::record& record) {
    const auto type = wire::decode_unimplemented(record.body);
    if (!type || wire::is_known(static_cast<wire::record_type>(*type))) ++unimplemented_known_;
}

void worker_process::note_control(const core::send& what) {
    const auto decoded = wire::decode_control(what.message, settings_.limits);
    if (!decoded) return;
    const auto* registers = std::get_if<wire::register_worker>(&decoded.value());
    if (std::holds_alternative<wire::available>(decoded.value()) ||
        (registers != nullptr && registers->free)) {
        world_.past.add(begin(fact::kind::freed));
    }
    const auto* yes = std::get_if<wire::accepted>(&decoded.value());
    if (yes == nullptr) return;
    ++leases_;
    if (world_.how.babble == 0) return;
    accepted_at_ = what.to;
    accepted_ = *yes;
    if (world_.phase == phase::chaos && chance(luck_, world_.how.babble))
        own_in(between(luck_, milliseconds{1}, milliseconds{100}), accept_event);
}

// A worker that is mad, if the plan has such: it says results again, on whatever link it has now.
void worker_process::said(core::send& what) {
    const auto head = wire::read_header(what.message.first.view());
    if (head && head.value().channel == wire::channel::control) return note_control(what);
    if (!head || head.value().channel != wire::channel::link) return;
    note_hello(what);
    witness_answers(what);
    if (world_.how.babble == 0 && world_.how.forges == 0) return;
    link_ = what.to;
    relayed_ = what.relayed;
    if (world_.phase != phase::chaos) return;
    // A payload in a frame of its own, said twice, would be taken twice, which the worker knows to be wrong.
    bool only_results = what.message.rest.empty();
    wire::link_reader records{what.message};
    for (wire::record record; records.next(record);) {
        only_results = only_results && record.type == wire::record_type::result;
    }
    if (only_results) {
        wire::message copy{what.message.first.copy(), {}};
        for (const auto& frame : what.message.rest) copy.rest.push_back(frame.copy());
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
    for (const auto& frame : old.rest) again.message.rest.push_back(frame.copy());
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
    if (detail == executor::hook_event) {
        executor_->end_hook();
    } else {
        executor_->reach(detail);
    }
    if (is_up()) step_soon();
}

}  // namespace maus::sim
