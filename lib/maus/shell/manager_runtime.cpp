#include "maus/shell/manager_runtime.hpp"

#include <algorithm>
#include <limits>

#include "maus/net/clock.hpp"
#include "maus/net/endpoint.hpp"
#include "maus/net/process.hpp"
#include "maus/shell/called_callable.hpp"
#include "maus/shell/worker_group_state.hpp"
#include "maus/stream_state.hpp"

namespace maus::shell {

using detail::state_base;

// --- its life ------------------------------------------------------------------------------------

manager_runtime::manager_runtime(manager_options options)
    : options_(std::move(options)),
      settings_{options_.limits, wire::own_features(true)},
      effects_(settings_),
      callbacks_(options_.own_loop ? std::function<void()>([this] { wake_own_loop(); }) : nullptr),
      reactor_(
          settings_, [this](log_level level, const std::string& text) { log(level, text); },
          *this) {
    auto config = configure();
    id_ = to_string(config.id);
    machine_.emplace(std::move(config), net::clock_now());
}

core::manager_config manager_runtime::configure() {
    base::random random(net::random_seed());
    core::manager_config config;
    config.id = base::manager_id::make(random);
    config.incarnation = {net::wall_us()};
    config.beat = core::heartbeat::of(options_.heartbeat);
    config.host = net::host_name();
    config.pid = net::process_id();
    config.settings = settings_;
    config.seed = random();
    if (!options_.endpoint.empty()) {
        for (const auto& each : options_.advertise) net::check_endpoint(each);
        endpoint_ = net::reachable(reactor_.sockets().bind(options_.endpoint));
        config.endpoints = options_.advertise;
        if (config.endpoints.empty()) config.endpoints.push_back(endpoint_);
    }
    return config;
}

void manager_runtime::start() {
    if (options_.own_loop) {
        loop_.emplace(*this, true);
        reactor_.sockets().wake();  // the program's loop is to see that there is something to do
        return;
    }
    thread_ = net::spawn([this] { drive_.run(); });
}

void manager_runtime::stop() {
    if (options_.own_loop) return put(core::stop_manager{});
    {
        const std::lock_guard lock(stop_guard_);
        if (thread_.joinable()) stop_thread();
    }
    // Not under the guard: a callback may want to stop the manager as well.
    // A callable may wait for the very callback that stops the manager.
    callables_.stop(!in_callback());
    callbacks_.stop();
}

void manager_runtime::stop_thread() {
    put(core::stop_manager{});
    thread_.join();
    after_the_end();
}

void manager_runtime::after_the_end() {
    refuse_what_came_late();
    std::map<base::group_id, std::weak_ptr<worker_group_state>> groups;
    {
        const std::lock_guard lock(guard_);
        groups_closed_ = true;
        groups.swap(groups_);
    }
    for (const auto& [id, each] : groups) {
        if (const auto left = each.lock()) left->end_waits();
    }
}

// What came too late for the machine.
void manager_runtime::refuse_what_came_late() {
    for (detail::command* each = commands_.close(); each != nullptr;) {
        detail::command* const next = each->successor;
        if (each->is_call()) {
            auto& late = static_cast<state_base&>(*each);
            refuse(late, methods_.name_of({late.method}), errc::shutdown,
                   "the manager has stopped");
        } else {
            delete static_cast<control_command*>(each);
        }
        each = next;
    }
}

// --- in a loop of the program's own --------------------------------------------------------------

void manager_runtime::check_own_loop() const {
    if (options_.own_loop) return;
    throw error(errc::invalid_argument, "maus::manager: it was not made with own_loop");
}

int manager_runtime::fd() {
    check_own_loop();
    return reactor_.fd();
}

bool manager_runtime::process_events() {
    check_own_loop();
    if (is_over_) {
        reactor_.sockets().wait(base::instant{});  // its fd is readable no more
        return false;
    }
    drive_own_loop();
    run_own_callables();
    // A callback that waits runs no others: they come after it.
    if (in_callback()) return !is_over_;
    const auto until = net::clock_now() + std::chrono::milliseconds{10};
    if (!is_over_ && callbacks_.run_some(until)) reactor_.sockets().wake();
    while (is_abandoned_ && !is_over_) drive_own_loop();
    if (is_over_) {
        run_own_callables();
        callbacks_.stop();
        reactor_.sockets().wait(base::instant{});
    }
    return !is_over_;
}

void manager_runtime::drive_own_loop() {
    const loop_member::turn its(*loop_);
    if (!its.is_mine() || is_over_ || reactor_.process_events()) return;
    is_over_ = true;
    loop_->leave();
    after_the_end();
}

void manager_runtime::shut_down() {
    stop();
    if (!options_.own_loop) return;
    is_abandoned_ = in_callback();
    while (!is_abandoned_ && process_events()) {
    }
}

/// While it lives, a callable runs on top of others. The last one that may be there is not to wait.
class manager_runtime::own_wait final : public detail::wait_hook {
public:
    explicit own_wait(manager_runtime& of) : of_(of), outer_(std::exchange(here(), this)) {
        ++of.own_callables_deep_;
    }
    ~own_wait() override {
        --of_.own_callables_deep_;
        here() = outer_;
    }
    own_wait(const own_wait&) = delete;
    own_wait& operator=(const own_wait&) = delete;
    void begin_wait() override {
        if (of_.own_callables_deep_ >= own_callables_deep_max) {
            throw error(errc::overloaded, "too many callables wait for calls of their own");
        }
        if (outer_ != nullptr) outer_->begin_wait();
    }
    void end_wait() override {
        if (outer_ != nullptr) outer_->end_wait();
    }
    [[nodiscard]] bool drives() const override { return outer_ != nullptr && outer_->drives(); }
    void drive() override { outer_->drive(); }

private:
    manager_runtime& of_;
    detail::wait_hook* outer_;
};

std::unique_ptr<base::task> manager_runtime::next_own_callable() {
    if (own_callables_deep_ >= own_callables_deep_max) return nullptr;
    const bool has_room = own_callables_deep_ < own_callables_deep_max / 2;
    const std::lock_guard lock(own_callables_guard_);
    auto* from = &own_callables(callable_threads::kind::nested);
    if (from->empty() && has_room) from = &own_callables(callable_threads::kind::outer);
    if (from->empty()) return nullptr;
    auto next = std::move(from->front());
    from->pop_front();
    return next;
}

// Also while one of them, or a callback, waits: it may wait for another.
void manager_runtime::run_own_callables() {
    while (const auto next = next_own_callable()) {
        const own_wait here(*this);
        next->run();
    }
}

// --- by any thread -------------------------------------------------------------------------------

void manager_runtime::submit(const detail::method_key& method, state_base& call, bool lone) {
    if (call.functions() && !call.functions()->needed.empty()) [[unlikely]] {
        call.method = number_with_needs(method, call.functions()->needed).value;
    } else {
        const auto define = [this](base::method_id number, std::string signature) {
            (void)hand_in(define_method{number, std::move(signature), {}});
        };
        call.method = methods_.number_of(method, define).value;
    }
    if (!commands_.put(call)) {
        return refuse(call, method.name, errc::shutdown, "the manager has stopped");
    }
    if (options_.own_loop) return wake_own_loop();
    const std::size_t waiting = calls_waiting_.load(std::memory_order_relaxed) + 1;
    calls_waiting_.store(waiting, std::memory_order_relaxed);
    drive_.queued_came(lone || waiting >= settings_.limits.batch_records_max);
}

// Of a function together with those of the worker's that it is given: only a worker that has them all is
// called.
base::method_id manager_runtime::number_with_needs(const detail::method_key& method,
                                                   const std::vector<std::string>& needs) {
    std::string key(method.name);
    for (const auto& each : needs) key += method_table::needs + each;
    const auto define = [&](base::method_id number, std::string) {
        (void)hand_in(define_method{number, method.signature(method.name), needs});
    };
    return methods_.number_of({key, method.type, method.signature}, define);
}

void manager_runtime::refuse(state_base& call, std::string_view function, errc code,
                             std::string why) {
    core::outcome refused{code, {}, std::make_unique<core::outcome::details>()};
    refused.about->function = function;
    refused.about->text = std::move(why);
    refused.about->label = call.policy().label();
    group_of(call).calls_settled(1, call.charge());
    settle(call, std::move(refused));
}

void manager_runtime::connect_parkserver(std::string endpoint) {
    net::check_endpoint(endpoint);
    put(core::add_parkserver{std::move(endpoint)});
}

namespace {
// Nothing: it is exact. One of which min and max are the same is exact, too.
std::optional<wire::elastic> range_of(const request& wanted) {
    const auto refuse = [](const std::string& why) {
        throw error(errc::invalid_argument, "maus::request: " + why);
    };
    const std::string min = std::to_string(wanted.min), max = std::to_string(wanted.max);
    if (wanted.amount != 0) {
        const bool says_both = wanted.max != 0 || wanted.min != request{}.min;
        if (says_both) refuse("it has an amount, or a min and a max, but not both");
        return std::nullopt;
    }
    if (wanted.min == 0) refuse("min is 0, and must be at least 1");
    if (wanted.max != 0 && wanted.max < wanted.min) {
        refuse("max is " + max + ", less than min, which is " + min);
    }
    if (wanted.max == wanted.min) return std::nullopt;
    return wire::elastic{wanted.min, wanted.max};
}
}  // namespace

std::shared_ptr<worker_group_state> manager_runtime::get_workers(const request& wanted) {
    const auto range = range_of(wanted);
    if (!wire::good_name(wanted.type, settings_.limits.name_bytes_max)) {
        throw error(errc::invalid_argument, "not a type's name: " + wire::printable(wanted.type));
    }
    std::shared_ptr<worker_group_state> made;
    base::group_id id;
    {
        const std::lock_guard lock(guard_);
        id = {++groups_made_};
        made = std::make_shared<worker_group_state>(shared_from_this(), id, wanted.calls);
        if (groups_closed_) {
            made->end_waits();
        } else {
            groups_.emplace(id, made);
        }
    }
    const std::uint32_t amount = range ? 0 : std::max(wanted.amount, wanted.max);
    put(core::add_request{id,
                          wanted.type,
                          amount,
                          {wanted.no_workers_timeout},
                          range,
                          std::string(wanted.calls.label.view())});
    return made;
}

void manager_runtime::forget(base::group_id id) {
    const std::lock_guard lock(guard_);
    groups_.erase(id);
}

/// What goes on after a call that a callable has made. It runs where callables do: it may wait for a
/// call whose callable goes on in turn, and so on, so one thread would not do.
class manager_runtime::after_nested final : public base::task {
public:
    after_nested(manager_runtime& home, in_callable::depth depth,
                 std::unique_ptr<detail::continuation> next,
                 std::shared_ptr<worker_group_state> group, callback_thread::subject about)
        : home_(home),
          depth_(depth),
          next_(std::move(next)),
          group_(std::move(group)),
          about_(about) {}
    after_nested(const after_nested&) = delete;
    after_nested& operator=(const after_nested&) = delete;
    // Whoever drops callables must not drop this: a coroutine would never end.
    ~after_nested() override {
        if (!next_) return;
        auto still = base::make_task([next = std::move(next_), depth = depth_] {
            const in_callable here(depth);
            next->run();
        });
        home_.callbacks_.post(std::move(still), std::move(group_), about_);
    }
    /// Of whose call it goes on.
    [[nodiscard]] callable_threads::kind kind() const {
        return depth_ == 1 ? callable_threads::kind::outer : callable_threads::kind::nested;
    }
    void run() override {
        const in_callable here(depth_);
        const auto group = std::move(group_);
        group->run_callback(std::move(next_), about_);
    }

private:
    manager_runtime& home_;
    in_callable::depth depth_;
    std::unique_ptr<detail::continuation> next_;
    std::shared_ptr<worker_group_state> group_;
    callback_thread::subject about_;
};

void manager_runtime::post(std::unique_ptr<detail::continuation> next, state_base& of) {
    auto group = std::static_pointer_cast<worker_group_state>(of.owner());
    const std::uint32_t bytes = worker_group_state::charge_of(of.payload().size());
    group->callback_waits(bytes);
    const callback_thread::subject about{of.method, bytes};
    const in_callable::depth depth = of.nested();
    if (depth == 0) [[likely]]
        return callbacks_.post(std::move(next), std::move(group), about);
    post_nested(
        std::make_unique<after_nested>(*this, depth, std::move(next), std::move(group), about));
}

// If all threads for callables wait, or they have stopped, it goes on as other callbacks do.
void manager_runtime::post_nested(std::unique_ptr<after_nested> next) {
    if (!options_.own_loop) {
        if (!callables_.takes_more()) return;
        const auto kind = next->kind();
        std::vector<std::unique_ptr<base::task>> one;
        one.push_back(std::move(next));
        return callables_.post(one, kind);
    }
    if (is_over_) return;
    {
        const auto kind = next->kind();
        const std::lock_guard lock(own_callables_guard_);
        own_callables(kind).push_back(std::move(next));
    }
    wake_own_loop();
}

void manager_runtime::post_progress(state_base& of) {
    of.retain();
    callbacks_.post_unless_stopped(
        base::make_task([call = detail::state_ref<state_base>(&of)] { call->tell_progress(); }));
}

}  // namespace maus::shell
