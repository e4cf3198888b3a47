// What the leader does: the thread that owns the manager's sockets for now (see leader_follower.hpp).
#include <algorithm>
#include <utility>

#include "maus/net/clock.hpp"
#include "maus/shell/called_callable.hpp"
#include "maus/shell/failure_text.hpp"
#include "maus/shell/manager_runtime.hpp"
#include "maus/shell/program_code.hpp"
#include "maus/shell/worker_group_state.hpp"
#include "maus/stream_state.hpp"

namespace maus::shell {

using detail::state_base;

// --- between the public API and the state machine ------------------------------------------------

namespace {

std::exception_ptr exception_of(core::outcome&& failed) {
    auto& about = *failed.about;
    const std::string message =
        failure_text(about.function, *failed.error, about.type, about.text, about.label.view());
    return std::make_exception_ptr(error(*failed.error, message)
                                       .about(std::move(about.function))
                                       .labelled(std::string(about.label.view()))
                                       .thrown_as(std::move(about.type))
                                       .delivered_before(about.delivered)
                                       .after(std::move(about.attempts)));
}

event_kind kind_of(core::notice_kind kind) {
    switch (kind) {
        case core::notice_kind::worker_joined: return event_kind::worker_joined;
        case core::notice_kind::worker_lost: return event_kind::worker_lost;
        case core::notice_kind::worker_released: return event_kind::worker_released;
        case core::notice_kind::parkserver_back: return event_kind::parkserver_back;
        case core::notice_kind::parkserver_unreachable: return event_kind::parkserver_unreachable;
        case core::notice_kind::parkserver_lost: break;
    }
    return event_kind::parkserver_lost;
}

state_base& call_of(const core::settled& done) {
    return *reinterpret_cast<state_base*>(done.ticket);
}

// --- what the program's own functions throw

std::string text_of(const exception_text& thrown) {
    return thrown.text.empty() ? thrown.type : thrown.type + ": " + thrown.text;
}
/// What the library's own errors say.
std::optional<std::string> error_in(const std::exception_ptr& failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const error& known) {
        return known.what();
    } catch (...) {
        return std::nullopt;
    }
}

}  // namespace
void manager_runtime::on(net::input event, base::instant now) {
    std::visit([&](auto& each) { machine_->on(std::move(each), now, effects_); }, event);
}

void manager_runtime::read_queue(base::instant now) {
    detail::command* each = commands_.take();
    if (each == nullptr) return;
    calls_waiting_.store(0, std::memory_order_relaxed);
    while (each != nullptr) {
        detail::command* const next = each->successor;
        if (each->is_call()) {
            make_call(static_cast<state_base&>(*each), now);
        } else {
            const std::unique_ptr<control_command> command(static_cast<control_command*>(each));
            std::visit([&](auto& asked) { carry_out(asked, now); }, command->asked);
        }
        each = next;
    }
}

core::stream_terms manager_runtime::terms_of(state_base& call) const {
    constexpr std::size_t items_max = std::numeric_limits<std::uint32_t>::max();
    const auto items = std::min(settings_.limits.stream_items_max, items_max);
    return {static_cast<std::uint32_t>(items), settings_.limits.stream_bytes_max,
            call.policy().replayable};
}

void manager_runtime::make_call(state_base& call, base::instant now) {
    const std::stop_token stop = call.policy().take_stop();
    core::submission made{group_of(call).id(),
                          {call.method},
                          reinterpret_cast<std::uint64_t>(&call),
                          std::move(call.policy()),
                          std::move(call.arguments()),
                          call.nested() != 0};
    if (call.is_stream()) [[unlikely]]
        made.set_stream(terms_of(call));
    // The machine may settle it at once; the state lives until settle() below.
    call.mark() = machine_->on(std::move(made), now, effects_).value;
    if (stop.stop_possible()) [[unlikely]]
        follow(stop, call, now);
}

// The call is cancelled when its token is asked to stop. If it was already: now, before anybody is sent it.
void manager_runtime::follow(const std::stop_token& stop, state_base& call, base::instant now) {
    if (call.mark() == 0) return;
    const base::call_id id{call.mark()};
    if (stop.stop_requested()) return machine_->on(core::cancel_call{id}, now, effects_);
    stops_.try_emplace(&call, stop, give_up{*this, id});
}

void manager_runtime::give_up::operator()() const { of.put(core::cancel_call{call}); }

void manager_runtime::carry_out(cancel_submitted& asked, base::instant now) {
    const std::uint64_t mark = asked.call->mark();
    if (mark != 0) machine_->on(core::cancel_call{{mark}}, now, effects_);
}

void manager_runtime::carry_out(define_method& asked, base::instant) {
    machine_->define(asked.method, std::move(asked.signature), std::move(asked.needs));
}

void manager_runtime::take_queued(base::instant now) {
    read_queue(now);
    machine_->pump(now, effects_);
    carry_out_effects();
}

void manager_runtime::step(base::instant now, base::instant time) {
    read_queue(now);
    if (time != now) [[unlikely]]
        machine_->pump(now, effects_);  // what is sent is sent now, and its time begins
    machine_->advance_to(time, effects_);
    carry_out_effects();
}

void manager_runtime::carry_out_effects() {
    publish_metrics();
    // Before their calls are settled.
    if (!effects_.callbacks.empty()) [[unlikely]]
        call_back();
    if (effects_.trouble) [[unlikely]] {
        const std::lock_guard lock(guard_);
        trouble_ = *std::exchange(effects_.trouble, std::nullopt);
    }
    for (auto& each : effects_.news) tell(each);
    effects_.news.clear();
    for (auto& each : effects_.progress) {
        auto& call = *reinterpret_cast<state_base*>(each.ticket);
        call.progressed({each.how_far.fraction, std::move(each.how_far.text)});
    }
    effects_.progress.clear();
    if (!effects_.items.empty()) [[unlikely]]
        hand_items_over();
    // Some at a time, so that what is looked at twice is still in a cache the second time.
    constexpr std::size_t at_a_time = 32;
    const std::span all(effects_.done);
    for (std::size_t first = 0; first < all.size(); first += at_a_time) {
        const auto some = all.subspan(first, std::min(at_a_time, all.size() - first));
        free_room(some);
        if (!stops_.empty()) [[unlikely]] {
            for (const auto& each : some) stops_.erase(&call_of(each));
        }
        for (auto& each : some) {
            auto& call = call_of(each);
            if (call.functions()) [[unlikely]]
                call.functions()->close();
            settle(call, std::move(each.result));
        }
    }
    effects_.done.clear();
}

bool manager_runtime::takes_more_callables() {
    if (options_.run_callable) return true;
    return options_.own_loop ? own_callables_deep_ < own_callables_deep_max
                             : callables_.takes_more();
}

// Workers' functions ask for callables that came with their calls.
void manager_runtime::call_back() {
    const bool runs_more = takes_more_callables();
    if (!callable_home_) {
        const auto answer = [self = weak_from_this()](core::answer_callback given) {
            if (const auto manager = self.lock()) manager->put_answer(std::move(given));
        };
        callable_home_ = std::make_shared<const callable_home>(callable_home{id_, answer});
    }
    using kind = callable_threads::kind;
    std::vector<std::unique_ptr<base::task>> runs[2];  // by kind
    for (auto& each : effects_.callbacks) {
        const bool is_nested = reinterpret_cast<state_base*>(each.ticket)->nested() != 0;
        auto& same = runs[static_cast<std::size_t>(is_nested ? kind::nested : kind::outer)];
        if (auto run = run_of(std::move(each), runs_more)) same.push_back(std::move(run));
    }
    effects_.callbacks.clear();
    for (const kind its : {kind::nested, kind::outer}) {
        hand_out_callables(runs[static_cast<std::size_t>(its)], its);
    }
}

void manager_runtime::hand_out_callables(std::vector<std::unique_ptr<base::task>>& runs,
                                         callable_threads::kind its) {
    if (runs.empty()) return;
    if (options_.run_callable) {
        for (auto& each : runs) {
            const auto shared = std::make_shared<std::unique_ptr<base::task>>(std::move(each));
            const auto threw =
                thrown_by([&] { options_.run_callable([shared] { (*shared)->run(); }); });
            if (threw) log(log_level::error, "run_callable threw: " + text_of(*threw));
        }
    } else if (options_.own_loop) {
        {
            const std::lock_guard lock(own_callables_guard_);
            for (auto& each : runs) own_callables(its).push_back(std::move(each));
        }
        wake_own_loop();
    } else {
        callables_.post(runs, its);
    }
}

// Nothing: it is answered already.
std::unique_ptr<base::task> manager_runtime::run_of(core::called_back&& asked, bool runs_more) {
    state_base& call = *reinterpret_cast<state_base*>(asked.ticket);
    const auto& functions = call.functions();
    const auto refuse = [&](core::answer_callback with) -> std::unique_ptr<base::task> {
        machine_->on(std::move(with), net::clock_now(), effects_);
        return nullptr;
    };
    if (!functions || asked.which.function >= functions->callables.size()) {
        return refuse(
            refusal_of(asked, errc::bad_arguments, "the call was given no such function"));
    }
    if (!runs_more) {
        return refuse(refusal_of(asked, errc::overloaded,
                                 "all threads for callables wait for calls of their own"));
    }
    const in_callable::depth depth = call.nested() != 0 ? 2 : 1;
    return run_of_callable(std::move(asked), depth, functions, callable_home_);
}

// For as many calls as are about to be settled: whoever waits for one of them may make another.
void manager_runtime::free_room(std::span<const core::settled> done) {
    if (done.empty()) return;
    std::size_t count = 0, bytes = 0;
    for (std::size_t i = 0; i < done.size(); ++i) {
        state_base& call = call_of(done[i]);
        ++count;
        bytes += call.charge();
        worker_group_state& of = group_of(call);
        if (i + 1 < done.size() && &group_of(call_of(done[i + 1])) == &of) continue;
        of.calls_settled(std::exchange(count, 0), std::exchange(bytes, 0));
    }
}

void manager_runtime::hand_items_over() {
    for (auto& each : effects_.items) {
        auto& call =
            static_cast<detail::stream_state&>(*reinterpret_cast<state_base*>(each.ticket));
        if (call.items_came(each.count, std::move(each.payload), this)) drive_.woke_a_waiter();
    }
    effects_.items.clear();
}

void manager_runtime::end_stream(state_base& call, core::outcome&& result) {
    const detail::state_ref<state_base> reference(&call);
    std::exception_ptr failure;
    if (result.error) {
        failure = exception_of(std::move(result));
    } else if (!result.payload.empty()) {
        failure = std::make_exception_ptr(
            error(errc::bad_result, "a result came where a stream is to end"));
    }
    auto& its = static_cast<detail::stream_state&>(call);
    if (its.end(std::move(failure), this)) drive_.woke_a_waiter();
}

void manager_runtime::put_answer(core::answer_callback given) {
    if (!hand_in(std::move(given))) return;
    options_.own_loop ? wake_own_loop() : drive_.queued_came(true);
}

void manager_runtime::put_read(core::items_read read) {
    if (hand_in(read)) drive_.queued_came(false);
}

void manager_runtime::settle(state_base& call, core::outcome&& result) {
    if (call.is_stream()) [[unlikely]]
        return end_stream(call, std::move(result));
    // With the reference that submit() was given.
    bool woke = false;
    if (result.error) {
        const detail::state_ref<state_base> reference(&call);
        woke = call.settle(exception_of(std::move(result)), this);
    } else {
        woke = call.settle_and_release(std::move(result.payload), this);
    }
    if (woke) drive_.woke_a_waiter();
}

void manager_runtime::tell(core::notice& news) {
    std::shared_ptr<worker_group_state> about;
    {
        const std::lock_guard lock(guard_);
        const auto found = groups_.find(news.group);
        if (found != groups_.end()) about = found->second.lock();
    }
    if (about && news.kind == core::notice_kind::worker_joined) about->joined(news.name);
    const bool left = news.kind == core::notice_kind::worker_lost ||
                      news.kind == core::notice_kind::worker_released;
    if (about && left) about->left(news.name);
    if (!options_.on_event) return;
    event told{kind_of(news.kind), std::move(news.name), std::move(news.why)};
    callbacks_.post(
        base::make_task([told = std::move(told), to = options_.on_event, log = options_.log] {
            if (const auto threw = thrown_by([&] { to(told); })) {
                log_safely(log, log_level::error,
                           "on_event threw at " + std::string(to_string(told.kind)) + ": " +
                               text_of(*threw));
            }
        }));
}

// Not here and now: the thread may be one of the program's own that waits in get(). And not after the
// manager has stopped: a future may outlive what the log function writes to.
void manager_runtime::log(log_level level, std::string text) {
    if (!options_.log) return;
    callbacks_.post_unless_stopped(base::make_task(
        [to = options_.log, level, text = std::move(text)] { log_safely(to, level, text); }));
}

void manager_runtime::unheard(base::method_id method, const std::exception_ptr& failure) {
    if (!options_.log) return;
    const auto of_call = error_in(failure);
    if (of_call) return log(log_level::debug, "nobody looked at the failure of " + *of_call);
    log(log_level::warning,
        "a callback after " + methods_.name_of(method) +
            " threw, and nobody looked at its future: " + text_of(describe(failure)));
}

void manager_runtime::publish_metrics() {
    const auto& calls = machine_->calls();
    const auto& links = machine_->counters();
    metrics_.set({calls.submitted, calls.results, calls.errors, calls.reassigned,
                  calls.stale_answers, links.joined, links.lost, links.violations, calls.hedged});
}

}  // namespace maus::shell
