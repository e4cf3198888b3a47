#include "maus/manager.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <unordered_map>

#include "maus/core/manager.hpp"
#include "maus/net/clock.hpp"
#include "maus/net/endpoint.hpp"
#include "maus/net/process.hpp"
#include "maus/shell/callback_thread.hpp"
#include "maus/shell/leader_follower.hpp"

namespace maus {

namespace detail {

namespace {

base::duration bounded(std::chrono::nanoseconds wanted) {
    return std::max<std::chrono::nanoseconds>(wanted, {});
}

std::exception_ptr exception_of(core::outcome&& failed) {
    auto& about = *failed.about;
    std::string message = about.function.empty() ? "" : about.function + ": ";
    message += to_string(*failed.error);
    if (!about.type.empty()) message += ": " + about.type;
    if (!about.text.empty()) message += ": " + about.text;
    return std::make_exception_ptr(error(*failed.error, message)
                                       .about(std::move(about.function))
                                       .thrown_as(std::move(about.type))
                                       .after(std::move(about.attempts)));
}

event::kind kind_of(core::notice::kind what) {
    switch (what) {
        case core::notice::kind::worker_joined: return event::kind::worker_joined;
        case core::notice::kind::worker_lost: return event::kind::worker_lost;
        case core::notice::kind::worker_released: return event::kind::worker_released;
        case core::notice::kind::parkserver_back: return event::kind::parkserver_back;
        case core::notice::kind::parkserver_lost: break;
    }
    return event::kind::parkserver_lost;
}

/// Which methods there are, and their numbers. Any thread may ask.
class method_table {
    using entry = std::pair<std::string, const void*>;

public:
    [[nodiscard]] std::string name_of(base::method_id number) {
        const std::shared_lock lock(guard_);
        for (const auto& [key, its] : numbers_) {
            if (its == number) return key.first;
        }
        return {};
    }
    /// `define` is called with a new one before anybody else can get its number.
    template <class Define>
    base::method_id number_of(const method_key& key, Define define) {
        // A thread mostly calls what it has called last.
        thread_local struct {
            std::uint64_t table = 0;
            entry key;
            base::method_id number;
        } last;
        if (last.table != id_ || last.key.second != key.type || last.key.first != key.name) {
            last.number = look_up(key, define);
            last.table = id_;
            last.key = {std::string(key.name), key.type};
        }
        return last.number;
    }

private:
    template <class Define>
    base::method_id look_up(const method_key& key, Define define) {
        const entry wanted{std::string(key.name), key.type};
        {
            const std::shared_lock lock(guard_);
            const auto found = numbers_.find(wanted);
            if (found != numbers_.end()) return found->second;
        }
        const std::unique_lock lock(guard_);
        const auto found = numbers_.find(wanted);
        if (found != numbers_.end()) return found->second;
        const base::method_id number{static_cast<std::uint32_t>(numbers_.size())};
        define(number, key.signature(key.name));
        numbers_.emplace(wanted, number);
        return number;
    }

    struct hash {
        std::size_t operator()(const entry& key) const noexcept {
            return std::hash<std::string>{}(key.first) ^ std::hash<const void*>{}(key.second);
        }
    };
    static inline std::atomic<std::uint64_t> tables_made{0};
    const std::uint64_t id_ = ++tables_made;
    std::shared_mutex guard_;
    std::unordered_map<entry, base::method_id, hash> numbers_;
};

// What other threads ask of the reactor's, besides calls.
struct cancel_state {
    state_ref<state_base> call;
};
struct define_method {
    base::method_id method;
    std::string signature;
};
struct control_command final : command {
    template <class What>
    explicit control_command(What asked) : command(no_call), what(std::move(asked)) {}
    std::variant<cancel_state, define_method, core::add_request, core::release_request,
                 core::add_parkserver, core::stop_manager>
        what;
};

}  // namespace

/// The workers of one request, as its handle and its calls see them.
class group final : public group_handle {
public:
    group(std::shared_ptr<manager_core> owner, base::group_id id, const call_options& calls)
        : owner_(std::move(owner)), id_(id), calls_(calls) {}

    void submit(const std::shared_ptr<group_handle>& self, const method_key& method,
                state_base& call, const call_options& options) override;
    void release() override;
    void cancel(state_base& call) override;
    void attend(state_base& call, base::instant end) override;
    [[nodiscard]] std::size_t size() const override { return workers_; }
    [[nodiscard]] bool wait_for(std::size_t count, std::chrono::nanoseconds time) override;
    [[nodiscard]] const call_options& calls() const override { return calls_; }
    [[nodiscard]] base::group_id id() const { return id_; }

    // By the reactor's thread.
    void has_workers(std::size_t count) {
        const std::lock_guard lock(guard_);
        if (released_) return;
        workers_ = count;
        changed_.notify_all();
    }
    /// Nobody is to wait for workers or for room any more.
    void let_go();
    void calls_settled(std::size_t count) {
        unsettled_.fetch_sub(count);
        if (blocked_ == 0) return;
        const std::lock_guard lock(guard_);
        changed_.notify_all();
    }

private:
    /// How many calls were unsettled before; nothing if there is no room.
    [[nodiscard]] std::optional<std::size_t> admit(when_full what_then);
    [[nodiscard]] bool is_lone(std::size_t unsettled_before);

    std::shared_ptr<manager_core> owner_;
    base::group_id id_;
    call_options calls_;
    std::atomic<std::size_t> unsettled_{0};
    std::atomic<std::size_t> blocked_{0};
    std::atomic<std::size_t> most_unsettled_{0};  // since there were none; roughly
    std::atomic<std::size_t> workers_{0};
    std::atomic<bool> release_asked_{false};
    std::atomic<bool> released_{false};
    std::mutex guard_;
    std::condition_variable changed_;
};

class manager_core final : public net::driven,
                           public executor,
                           public std::enable_shared_from_this<manager_core> {
public:
    explicit manager_core(manager_options options);

    void start() {
        thread_ = net::spawn([this] { drive_.run(); });
    }
    void stop();
    /// Without effect once it has stopped.
    template <class What>
    void put(What what) {
        if (hand_in(std::move(what))) drive_.call_io_thread();
    }
    /// `lone`: no other call of its group is on its way, or about to be.
    void submit(const method_key& method, state_base& call, bool lone);
    [[nodiscard]] shell::leader_follower& drive() { return drive_; }
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
    [[nodiscard]] const std::string& id() const { return id_; }
    [[nodiscard]] const limits& bounds() const { return options_.limits; }
    [[nodiscard]] manager_metrics metrics() const {
        const std::lock_guard lock(guard_);
        return metrics_;
    }
    [[nodiscard]] maus::worker_group get_workers(const request& wanted);
    void forget(base::group_id id) {
        const std::lock_guard lock(guard_);
        groups_.erase(id);
    }
    void refuse(state_base& call, std::string_view function, errc code, std::string why);

    // --- executor
    void post(std::unique_ptr<continuation> what) override { callbacks_.post(std::move(what)); }

    // --- net::driven
    void on(net::input what, base::instant now) override {
        std::visit([&](auto& event) { machine_->on(std::move(event), now, effects_); }, what);
    }
    void take_queued(base::instant now) override;
    void step(base::instant now) override;
    [[nodiscard]] core::outbox& outbox() override { return effects_.net; }
    [[nodiscard]] bool has_queued() const override { return !commands_.empty(); }
    [[nodiscard]] base::instant next_deadline() const override { return machine_->next_deadline(); }
    [[nodiscard]] bool finished() const override { return stopped_; }

private:
    template <class What>
    [[nodiscard]] bool hand_in(What what) {
        auto made = std::make_unique<control_command>(std::move(what));
        if (!commands_.put(*made)) return false;
        (void)made.release();  // it is the taker's
        return true;
    }
    void make_call(state_base& call, base::instant now);
    void carry_out(cancel_state& what, base::instant now) {
        if (what.call->mark() != 0)
            machine_->on(core::cancel_call{{what.call->mark()}}, now, effects_);
    }
    void carry_out(define_method& what, base::instant) {
        machine_->define(what.method, std::move(what.signature));
    }
    template <class What>
    void carry_out(What& what, base::instant now) {
        machine_->on(what, now, effects_);
        if constexpr (std::is_same_v<What, core::stop_manager>) stopped_ = true;
    }
    void stop_reactor();
    void settle(state_base& call, core::outcome&& result);
    void free_room(std::span<const core::settled> done);
    void read_queue(base::instant now);
    void carry_out_effects();
    void tell_news();
    void publish_metrics();

    manager_options options_;
    base::settings settings_;
    core::manager_effects effects_;
    base::call_queue<command> commands_;
    std::atomic<std::size_t> calls_waiting_{0};  // in the box, roughly
    shell::callback_thread callbacks_;
    net::reactor reactor_;
    shell::leader_follower drive_{reactor_, *this};
    std::optional<core::manager> machine_;
    std::string endpoint_;
    std::string id_;
    method_table methods_;
    bool stopped_ = false;
    std::thread thread_;
    std::mutex stop_guard_;

    mutable std::mutex guard_;  // of what follows
    std::map<base::group_id, std::weak_ptr<group>> groups_;
    std::uint32_t groups_made_ = 0;
    bool groups_closed_ = false;
    manager_metrics metrics_;
};

// --- group --------------------------------------------------------------------------------------

std::optional<std::size_t> group::admit(when_full what_then) {
    const std::size_t most = owner_->bounds().calls_max;
    const std::size_t before = unsettled_.fetch_add(1);
    if (before < most) return before;
    if (what_then == when_full::fail) return std::nullopt;
    unsettled_.fetch_sub(1);
    ++blocked_;
    std::unique_lock lock(guard_);
    // call_settled() notifies under the guard, once it has seen that somebody is blocked.
    changed_.wait(lock, [&] {
        if (released_) return true;
        std::size_t seen = unsettled_;
        while (seen < most) {
            if (unsettled_.compare_exchange_weak(seen, seen + 1)) return true;
        }
        return false;
    });
    if (released_) unsettled_.fetch_add(1);  // the call goes on to be refused
    --blocked_;
    return most;
}

// A call that has the workers to itself should not wait for others. Where several were on their way
// the last time, more of them are about to come, and travel with it.
bool group::is_lone(std::size_t unsettled_before) {
    const std::size_t most = most_unsettled_.load(std::memory_order_relaxed);
    const std::size_t now = unsettled_before + 1;
    if (now == 1 || now > most) most_unsettled_.store(now, std::memory_order_relaxed);
    return now == 1 && most <= 1;
}

void group::submit(const std::shared_ptr<group_handle>& self, const method_key& method,
                   state_base& call, const call_options& options) {
    call.own(self);
    call.options() = options;
    const auto before = admit(options.when_full);
    if (!before) {
        return owner_->refuse(call, method.name, errc::overloaded,
                              "calls_max calls of these workers are not settled yet");
    }
    if (const auto most = owner_->bounds().name_bytes_max; method.name.size() > most) {
        return owner_->refuse(call, method.name.substr(0, most), errc::no_such_function,
                              "a function's name has at most name_bytes_max bytes");
    }
    owner_->submit(method, call, is_lone(*before));
}

void group::cancel(state_base& call) {
    call.retain();
    owner_->put(cancel_state{state_ref<state_base>(&call)});
}

void group::attend(state_base& call, base::instant end) {
    owner_->drive().lead_while_waiting([&] { return call.ready(); }, end);
}

void group::release() {
    if (release_asked_.exchange(true)) return;
    owner_->forget(id_);
    owner_->put(core::release_request{id_});
    let_go();  // after that, so that whoever was blocked comes after the release too
}

void group::let_go() {
    const std::lock_guard lock(guard_);
    released_ = true;
    workers_ = 0;
    changed_.notify_all();
}

bool group::wait_for(std::size_t count, std::chrono::nanoseconds time) {
    // Far more than anybody waits, and no clock overflows.
    time = std::min<std::chrono::nanoseconds>(time, std::chrono::hours{24 * 365});
    std::unique_lock lock(guard_);
    changed_.wait_for(lock, time, [&] { return released_ || workers_ >= count; });
    return !released_ && workers_ >= count;
}

// --- manager_core -------------------------------------------------------------------------------

manager_core::manager_core(manager_options options)
    : options_(std::move(options)),
      settings_{options_.limits, wire::own_features()},
      effects_(settings_),
      reactor_(
          settings_,
          // Not here and now: the thread may be one of the program's own that waits in get().
          [this](log_level level, const std::string& text) {
              if (!options_.log) return;
              callbacks_.post(base::make_task(
                  [tell = options_.log, level, text = text] { tell(level, text); }));
          },
          *this) {
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
        endpoint_ = net::reachable(reactor_.sockets().bind(options_.endpoint));
        config.endpoints = options_.advertise;
        if (config.endpoints.empty()) config.endpoints.push_back(endpoint_);
    }
    id_ = to_string(config.id);
    machine_.emplace(std::move(config), net::clock_now());
}

void manager_core::stop() {
    {
        const std::lock_guard lock(stop_guard_);
        if (thread_.joinable()) stop_reactor();
    }
    // Not under the guard: a callback may want to stop the manager as well.
    callbacks_.stop();
}

void manager_core::stop_reactor() {
    put(core::stop_manager{});
    thread_.join();
    // What came too late for the machine.
    for (command* each = commands_.close(); each != nullptr;) {
        command* const next = each->successor;
        if (each->is_call()) {
            auto& late = static_cast<state_base&>(*each);
            refuse(late, methods_.name_of({late.method}), errc::shutdown,
                   "the manager has stopped");
        } else {
            delete static_cast<control_command*>(each);
        }
        each = next;
    }
    std::map<base::group_id, std::weak_ptr<group>> groups;
    {
        const std::lock_guard lock(guard_);
        groups_closed_ = true;
        groups.swap(groups_);
    }
    for (const auto& [id, each] : groups) {
        if (const auto left = each.lock()) left->let_go();
    }
}

void manager_core::submit(const method_key& method, state_base& call, bool lone) {
    const auto define = [this](base::method_id number, std::string signature) {
        (void)hand_in(define_method{number, std::move(signature)});
    };
    call.method = methods_.number_of(method, define).value;
    if (!commands_.put(call)) {
        return refuse(call, method.name, errc::shutdown, "the manager has stopped");
    }
    const std::size_t waiting = calls_waiting_.load(std::memory_order_relaxed) + 1;
    calls_waiting_.store(waiting, std::memory_order_relaxed);
    drive_.queued_came(lone || waiting >= bounds().batch_records_max);
}

void manager_core::refuse(state_base& call, std::string_view function, errc code, std::string why) {
    core::outcome refused{code, {}, std::make_unique<core::outcome::details>()};
    refused.about->function = function;
    refused.about->text = std::move(why);
    static_cast<group&>(*call.owner()).calls_settled(1);
    settle(call, std::move(refused));
}

maus::worker_group manager_core::get_workers(const request& wanted) {
    if (!wire::good_name(wanted.type, options_.limits.name_bytes_max)) {
        throw error(errc::protocol_violation, "not a type's name: " + wire::printable(wanted.type));
    }
    std::shared_ptr<group> made;
    base::group_id id;
    {
        const std::lock_guard lock(guard_);
        id = {++groups_made_};
        made = std::make_shared<group>(shared_from_this(), id, wanted.calls);
        if (groups_closed_) {
            made->let_go();
        } else {
            groups_.emplace(id, made);
        }
    }
    put(core::add_request{id, wanted.type, wanted.amount, {bounded(wanted.no_workers_timeout)}});
    return maus::worker_group(std::move(made));
}

void manager_core::read_queue(base::instant now) {
    command* each = commands_.take();
    if (each == nullptr) return;
    calls_waiting_.store(0, std::memory_order_relaxed);
    while (each != nullptr) {
        command* const next = each->successor;
        if (each->is_call()) {
            make_call(static_cast<state_base&>(*each), now);
        } else {
            const std::unique_ptr<control_command> asked(static_cast<control_command*>(each));
            std::visit([&](auto& what) { carry_out(what, now); }, asked->what);
        }
        each = next;
    }
}

void manager_core::make_call(state_base& call, base::instant now) {
    core::submission made;
    made.group = static_cast<group&>(*call.owner()).id();
    made.method = {call.method};
    made.ticket = reinterpret_cast<std::uint64_t>(&call);
    made.options = call.options();
    made.payload = std::move(call.arguments());
    // The machine may settle it at once; the state lives until settle() below.
    call.mark() = machine_->on(std::move(made), now, effects_).value;
}

void manager_core::take_queued(base::instant now) {
    read_queue(now);
    machine_->pump(now, effects_);
    carry_out_effects();
}

void manager_core::step(base::instant now) {
    read_queue(now);
    machine_->advance_to(now, effects_);
    carry_out_effects();
}

void manager_core::carry_out_effects() {
    publish_metrics();
    tell_news();
    // Some at a time, so that what is looked at twice is still in a cache the second time.
    constexpr std::size_t at_a_time = 32;
    const std::span all(effects_.done);
    for (std::size_t first = 0; first < all.size(); first += at_a_time) {
        const auto some = all.subspan(first, std::min(at_a_time, all.size() - first));
        free_room(some);
        for (auto& each : some) {
            settle(*reinterpret_cast<state_base*>(each.ticket), std::move(each.result));
        }
    }
    effects_.done.clear();
}

// For as many calls as are about to be settled: whoever waits for one of them may make another.
void manager_core::free_room(std::span<const core::settled> done) {
    group* of = nullptr;
    std::size_t count = 0;
    for (const auto& each : done) {
        auto* const its =
            static_cast<group*>(reinterpret_cast<state_base*>(each.ticket)->owner().get());
        if (its != of && of != nullptr) of->calls_settled(std::exchange(count, 0));
        of = its;
        ++count;
    }
    of->calls_settled(count);
}

void manager_core::settle(state_base& call, core::outcome&& result) {
    // With the reference that submit() was given.
    bool woke = false;
    if (result.error) {
        const state_ref<state_base> reference(&call);
        woke = call.settle(exception_of(std::move(result)), this);
    } else {
        woke = call.settle_and_release(std::move(result.payload), this);
    }
    if (woke) drive_.woke_a_waiter();
}

void manager_core::tell_news() {
    for (auto& each : effects_.news) {
        std::shared_ptr<group> about;
        {
            const std::lock_guard lock(guard_);
            const auto found = groups_.find(each.group);
            if (found != groups_.end()) about = found->second.lock();
        }
        if (about) about->has_workers(machine_->workers_of(each.group));
        if (!options_.on_event) continue;
        event told{kind_of(each.what), std::move(each.name), std::move(each.why)};
        callbacks_.post(
            base::make_task([told = std::move(told), tell = options_.on_event] { tell(told); }));
    }
    effects_.news.clear();
}

void manager_core::publish_metrics() {
    const auto& calls = machine_->calls();
    const auto& links = machine_->counters();
    const std::lock_guard lock(guard_);
    metrics_ = {calls.submitted,     calls.results, calls.errors, calls.reassigned,
                calls.stale_answers, links.joined,  links.lost,   links.violations};
}

}  // namespace detail

manager::manager(std::string endpoint)
    : manager(manager_options{.endpoint = std::move(endpoint)}) {}

manager::manager(manager_options options)
    : core_(std::make_shared<detail::manager_core>(std::move(options))) {
    core_->start();
}

manager::~manager() { core_->stop(); }

void manager::connect_parkserver(std::string endpoint) {
    net::check_endpoint(endpoint);
    core_->put(core::add_parkserver{std::move(endpoint)});
}

maus::worker_group manager::get_workers(request wanted) { return core_->get_workers(wanted); }
std::string manager::endpoint() const { return core_->endpoint(); }
manager_metrics manager::metrics() const { return core_->metrics(); }
std::string manager::id() const { return core_->id(); }
void manager::stop() { core_->stop(); }

}  // namespace maus
