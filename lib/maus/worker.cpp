#include "maus/worker.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <iterator>
#include <mutex>
#include <typeinfo>
#include <unordered_set>

#include "maus/core/worker.hpp"
#include "maus/net/clock.hpp"
#include "maus/net/endpoint.hpp"
#include "maus/net/process.hpp"
#include "maus/net/reactor.hpp"
#include "maus/shell/event_queue.hpp"
#include "maus/shell/function_threads.hpp"

namespace maus {

namespace detail {

namespace {
std::string demangled(const char* name) {
    int status = 0;
    char* readable = abi::__cxa_demangle(name, nullptr, nullptr, &status);
    std::string text = status == 0 ? readable : name;
    std::free(readable);
    return text;
}
}  // namespace

void reply::fault(const std::exception_ptr& thrown) {
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& known) {
        fault(errc::remote_exception, demangled(typeid(known).name()), known.what());
    } catch (...) {
        const std::type_info* type = abi::__cxa_current_exception_type();
        fault(errc::remote_exception, type != nullptr ? demangled(type->name()) : "unknown",
              "an exception that is no std::exception");
    }
}

}  // namespace detail

namespace {

using completion =
    std::variant<core::job_done, core::job_detached, core::job_started, core::stop_worker>;

/// The way from functions to the reactor. Outlives the worker if a responder does.
class completion_sink {
public:
    void open(net::reactor& to) {
        const std::lock_guard lock(guard_);
        to_ = &to;
    }
    void close() {
        const std::lock_guard lock(guard_);
        to_ = nullptr;
    }
    void put(completion what) {
        const std::lock_guard lock(guard_);
        if (to_ == nullptr) return;
        if (box_.put(std::move(what)) != 0) to_->wake();
    }
    [[nodiscard]] shell::event_queue<completion>& box() { return box_; }

private:
    std::mutex guard_;
    net::reactor* to_ = nullptr;
    shell::event_queue<completion> box_;
};

/// The answer to a call that is given later, perhaps by another thread, perhaps before its function
/// has returned.
class deferred_reply final : public detail::reply {
public:
    deferred_reply(std::shared_ptr<completion_sink> to, std::uint64_t link, wire::attempt what)
        : to_(std::move(to)), link_(link), what_(what) {}
    ~deferred_reply() override {
        if (!answered_) {
            deferred_reply::fault(errc::remote_exception, "maus::responder",
                                  "the function let go of its responder without an answer");
        }
    }
    void value(base::buffer payload) override { answer(core::job_value{std::move(payload)}); }
    using reply::fault;
    void fault(errc code, std::string type, std::string text) override {
        answer(core::job_fault{code, std::move(type), std::move(text)});
    }
    /// The function has returned.
    void function_returned() {
        const std::lock_guard lock(guard_);
        if (answered_) return;
        detached_ = true;
        to_->put(core::job_detached{link_, what_});
    }

private:
    template <class Outcome>
    void answer(Outcome outcome) {
        const std::lock_guard lock(guard_);
        if (std::exchange(answered_, true)) return;
        to_->put(core::job_done{link_, what_, detached_, std::move(outcome)});
    }

    std::shared_ptr<completion_sink> to_;
    std::uint64_t link_;
    wire::attempt what_;
    std::mutex guard_;
    bool detached_ = false;
    bool answered_ = false;
};

class running_call final : public detail::invocation {
public:
    running_call(core::job& job, const std::shared_ptr<completion_sink>& to)
        : job_(job), to_(to), done_{job.link, job.what, false, core::job_value{}} {}

    [[nodiscard]] base::buffer& arguments() override { return job_.payload; }
    [[nodiscard]] base::buffer& value() override {
        return std::get_if<core::job_value>(&done_.outcome)->payload;
    }
    void fault(errc code, std::string type, std::string text) override {
        done_.outcome = core::job_fault{code, std::move(type), std::move(text)};
    }
    [[nodiscard]] std::shared_ptr<detail::reply> defer() override {
        if (!later_) later_ = std::make_shared<deferred_reply>(to_, job_.link, job_.what);
        return later_;
    }
    void fault(const std::exception_ptr& thrown) {
        struct into_this final : detail::reply {
            explicit into_this(running_call& call) : call_(call) {}
            void value(base::buffer) override {}
            void fault(errc code, std::string type, std::string text) override {
                call_.fault(code, std::move(type), std::move(text));
            }
            running_call& call_;
        };
        into_this teller(*this);
        static_cast<detail::reply&>(teller).fault(thrown);
    }
    /// Whether the function has answered; else it has taken a reply with it (deferred()).
    [[nodiscard]] bool answered() const { return !later_; }
    [[nodiscard]] core::job_done&& done() { return std::move(done_); }
    void deferred() {
        if (auto* threw = std::get_if<core::job_fault>(&done_.outcome)) {
            later_->fault(threw->code, std::move(threw->type), std::move(threw->text));
        }
        later_->function_returned();
    }

private:
    core::job& job_;
    const std::shared_ptr<completion_sink>& to_;
    std::shared_ptr<deferred_reply> later_;
    core::job_done done_;
};

/// Whether a function is short enough to be run where its call was received.
class inline_policy {
public:
    [[nodiscard]] bool is_short() const { return streak_ >= streak_min; }
    void took(base::duration time) {
        if (time > longest) {
            streak_ = 0;
        } else if (streak_ < streak_min) {
            ++streak_;
        }
    }

private:
    static constexpr base::duration longest = std::chrono::microseconds{20};
    static constexpr int streak_min = 4;
    int streak_ = 0;
};

/// clock_now() for who asks again and again: it is read anew once the processor's own counter has
/// gone on by a microsecond or a few. That counter jumps, one way or the other, where a process was
/// stopped, moved or suspended.
class frequent_clock {
public:
    [[nodiscard]] base::instant now() noexcept {
#if defined(__x86_64__)
        constexpr std::uint64_t ticks_max = 4096;  // 1 us at 4 GHz, 4 us at 1 GHz
        const std::uint64_t ticks = __builtin_ia32_rdtsc();
        if (ticks - read_at_ <= ticks_max) return last_;
        read_at_ = ticks;
#endif
        return last_ = net::clock_now();
    }

private:
    base::instant last_{};
    std::uint64_t read_at_ = 0;
};

struct call_context {
    const core::job& job;
    const core::worker_config& worker;
};
thread_local const call_context* current_call = nullptr;

}  // namespace

maus::fence this_call::fence() {
    if (current_call == nullptr) {
        throw std::logic_error("maus::this_call::fence(): no function runs on this thread");
    }
    const auto& [job, worker] = *current_call;
    return {to_string(job.manager), job.what.call.value,      job.what.number.value,
            to_string(worker.id),   worker.incarnation.value, job.lease.epoch,
            job.lease.sequence};
}

class worker::implementation final : public net::driven {
public:
    explicit implementation(worker_options options)
        : options_(std::move(options)),
          function_threads_(
              [this](core::job job, bool may_start) { run_job(std::move(job), may_start); },
              [this] { return drive(); }),
          effects_(config_.settings) {
        if (options_.concurrency > options_.limits.concurrency_max) {
            throw error(errc::too_large, "concurrency is above limits.concurrency_max");
        }
        base::random random(net::random_seed());
        config_.id = base::worker_id::make(random);
        config_.incarnation = {net::wall_us()};
        config_.concurrency = std::max(options_.concurrency, 1u);
        config_.beat = core::heartbeat::of(options_.heartbeat);
        config_.link_timeout = options_.link_timeout;
        config_.host = net::host_name();
        config_.pid = net::process_id();
        config_.settings.limits = options_.limits;
        config_.seed = random();
    }
    ~implementation() override {
        stop(mode_ == mode::hosted ? base::duration::zero()
                                   : base::duration{options_.stop_timeout});
        if (thread_.joinable()) thread_.join();
        if (mode_ == mode::hosted) {
            while (process_events()) reactor_->sockets().wait(machine_->next_deadline());
        }
        function_threads_.stop();
        completions_->close();
    }

    void add(std::string signature, detail::handler handler) {
        if (mode_ != mode::fresh) {
            throw error(errc::protocol_violation, "expose functions before the worker runs");
        }
        const auto parsed = wire::parse_signature(signature);
        if (!parsed) throw error(parsed.why().code, signature + ": " + parsed.why().message);
        if (!names_.insert(parsed.value().name).second) {
            throw error(errc::protocol_violation,
                        "a function named " + parsed.value().name + " is exposed already");
        }
        if (handlers_.size() >= options_.limits.functions_max) {
            throw error(errc::too_large, "a worker exposes functions_max functions at most");
        }
        config_.signatures.push_back(std::move(signature));
        inline_policies_.emplace_back();
        handlers_.push_back(std::move(handler));
    }

    void set_type(std::string type) {
        if (mode_ != mode::fresh) {
            throw std::logic_error("maus::worker: say where to connect before it runs");
        }
        if (!wire::good_name(type, options_.limits.name_bytes_max)) {
            throw error(errc::protocol_violation, "not a type's name: " + wire::printable(type));
        }
        config_.type = std::move(type);
    }
    void register_parkserver(std::string endpoint, std::string type) {
        net::check_endpoint(endpoint);
        set_type(std::move(type));
        config_.parkservers.push_back(std::move(endpoint));
    }
    void connect(std::string endpoint, std::string type) {
        net::check_endpoint(endpoint);
        set_type(std::move(type));
        config_.manager = std::move(endpoint);
    }

    void run() {
        begin(mode::threaded);
        start_threads();
        loop();
    }
    void start() {
        begin(mode::threaded);
        // It comes first, lest the function_threads takes the last thread that the system allows.
        std::promise<bool> hired;
        try {
            thread_ = net::spawn([this, has_crew = hired.get_future().share()] {
                if (has_crew.get()) loop();
            });
        } catch (...) {
            loop_is_over();
            throw;
        }
        try {
            start_threads();
        } catch (...) {
            hired.set_value(false);
            thread_.join();
            throw;
        }
        hired.set_value(true);
    }
    void stop() { stop(options_.stop_timeout); }
    void stop(base::duration patience) {
        std::unique_lock lock(guard_);
        stop_asked_ = true;
        lock.unlock();
        completions_->put(core::stop_worker{base::after(net::clock_now(), patience)});
        lock.lock();
        if (!function_threads_.is_own_thread()) stopped_.wait(lock, [this] { return !looping_; });
    }

    int fd() {
        if (mode_ == mode::fresh) begin(mode::hosted);
        if (mode_ != mode::hosted)
            throw std::logic_error("maus::worker: it runs in a thread already");
        return reactor_->fd();
    }
    bool process_events() {
        if (mode_ == mode::fresh) begin(mode::hosted);
        if (mode_ != mode::hosted)
            throw std::logic_error("maus::worker: it runs in a thread already");
        if (!reactor_->process_events()) return false;
        const auto until = net::clock_now() + std::chrono::milliseconds{10};
        bool ran = false;
        while (net::clock_now() < until && function_threads_.run_one()) ran = true;
        const bool goes_on = !ran || reactor_->process_events();
        if (!function_threads_.idle()) reactor_->sockets().wake();
        return goes_on;
    }
    [[nodiscard]] std::string id() const { return to_string(config_.id); }

    // --- net::driven
    void on(net::input what, base::instant now) override {
        std::visit([&](auto& event) { machine_->on(std::move(event), now, effects_); }, what);
    }
    void take_queued(base::instant now) override {
        completions_->box().take(queued_);
        for (auto& each : queued_) {
            std::visit([&](auto& event) { machine_->on(std::move(event), now, effects_); }, each);
        }
    }
    void step(base::instant now) override {
        take_queued(now);
        machine_->advance_to(now, effects_);
        function_threads_.permit(machine_->startable(), machine_->lease_until());
        for (const auto& each : effects_.revoke) revoke(each, now);
        effects_.revoke.clear();
        if (mode_ == mode::threaded && !effects_.execute.empty()) keep_short_jobs();
        function_threads_.add(effects_.execute);
        if (claimed_ && !has_short_jobs()) end_claim();
    }
    [[nodiscard]] core::outbox& outbox() override { return effects_.net; }
    [[nodiscard]] bool has_queued() const override { return !completions_->box().empty(); }
    [[nodiscard]] base::instant next_deadline() const override { return machine_->next_deadline(); }
    [[nodiscard]] bool finished() const override {
        return machine_->now_in() == core::worker::state::stopped;
    }

private:
    enum class mode : std::uint8_t { fresh, threaded, hosted };

    void begin(mode how) {
        if (mode_ != mode::fresh)
            throw std::logic_error("maus::worker: it runs already, or it ran");
        if (config_.parkservers.empty() && config_.manager.empty()) {
            throw std::logic_error("maus::worker: call register_parkserver() or connect() first");
        }
        mode_ = how;
        machine_.emplace(config_, net::clock_now());
        reactor_.emplace(
            config_.settings,
            [this](log_level level, const std::string& text) {
                if (options_.log) options_.log(level, text);
            },
            *this);
        completions_->open(*reactor_);
        // The host's loop is to see that there is something to do.
        if (how == mode::hosted) reactor_->sockets().wake();
        const std::lock_guard lock(guard_);
        looping_ = how == mode::threaded;
        // Asked to stop before it began.
        if (stop_asked_) completions_->put(core::stop_worker{net::clock_now()});
    }

    void start_threads() {
        try {
            const auto got = function_threads_.start_threads(config_.concurrency);
            if (got == config_.concurrency || !options_.log) return;
            options_.log(log_level::warning,
                         "the system allows threads for " + std::to_string(got) + " of " +
                             std::to_string(config_.concurrency) + " functions at a time");
        } catch (...) {
            loop_is_over();
            throw;
        }
    }

    void loop() {
        function_threads_.work();
        loop_is_over();
    }

    void loop_is_over() {
        completions_->close();
        {
            const std::lock_guard lock(guard_);
            looping_ = false;
        }
        stopped_.notify_all();
    }

    void revoke(const wire::attempt& what, base::instant now) {
        const auto give_back = [&](core::job& job) {
            if (job.what != what) return false;
            machine_->on(core::job_done{job.link, job.what, false, {}}, now, effects_);
            return true;
        };
        std::erase_if(effects_.execute, give_back);
        short_jobs_.erase(
            std::remove_if(short_jobs_.begin() + next_short_job_, short_jobs_.end(), give_back),
            short_jobs_.end());
        function_threads_.revoke(what);
    }

    // --- short functions: run by the thread that has the lead (function_threads.hpp)

    [[nodiscard]] bool has_short_jobs() const {
        return static_cast<std::size_t>(next_short_job_) < short_jobs_.size();
    }

    // Moves the short jobs at the front of those that came to the ones that are run here.
    void keep_short_jobs() {
        if (!claimed_ && !(claimed_ = function_threads_.begin_short())) return;
        auto& came = effects_.execute;
        const auto first_long =
            has_later_jobs_ ? came.begin()
                            : std::find_if(came.begin(), came.end(), [this](const auto& each) {
                                  return !inline_policies_[each.function].is_short();
                              });
        has_later_jobs_ = has_later_jobs_ || first_long != came.end();
        if (!has_short_jobs()) {
            short_jobs_.clear();
            next_short_job_ = 0;
        }
        if (short_jobs_.empty() && first_long == came.end()) {
            std::swap(short_jobs_, came);
        } else {
            std::move(came.begin(), first_long, std::back_inserter(short_jobs_));
            came.erase(came.begin(), first_long);
        }
        if (!has_short_jobs()) end_claim();
    }

    void end_claim() {
        claimed_ = has_later_jobs_ = false;
        function_threads_.end_short();
    }

    // False: the lead was lost, and nothing that belongs to it may be touched any more.
    bool run_short_jobs() {
        // What is answered in this time travels together: a message's own way takes about as long.
        constexpr base::duration message_time = std::chrono::microseconds{100};
        frequent_clock clock;
        base::instant now = clock.now();
        const base::instant begun = now;
        while (has_short_jobs()) {
            // Moved out: who takes the lead meanwhile takes the others away.
            core::job job = std::move(short_jobs_[static_cast<std::size_t>(next_short_job_++)]);
            if (!function_threads_.permits(job, now)) {
                machine_->on(core::job_done{job.link, job.what, false, {}}, now, effects_);
                continue;
            }
            if (job.at_most_once) {
                machine_->on(core::job_started{job.link, job.what}, now, effects_);
            }
            running_call call(job, completions_);
            function_threads_.leadership().leave_unwatched();
            invoke(job, call);
            const base::instant before = std::exchange(now, clock.now());
            inline_policies_[job.function].took(now - before);
            if (!function_threads_.leadership().try_take()) {
                deliver(call);
                function_threads_.end_short();
                return false;
            }
            if (call.answered()) {
                machine_->on(call.done(), now, effects_);
            } else {
                call.deferred();
            }
            if (now - begun > message_time) break;
        }
        if (!has_short_jobs()) end_claim();
        return true;
    }

    // By the thread that has the lead. False: it was lost.
    bool drive() {
        if (claimed_) {
            // Another thread is in a function that is not short after all. What waits behind it
            // waits for the function_threads.
            claimed_ = has_later_jobs_ = false;
            short_jobs_.erase(short_jobs_.begin(), short_jobs_.begin() + next_short_job_);
            next_short_job_ = 0;
            function_threads_.add_in_front(short_jobs_);
        }
        while (!finished()) {
            const bool more = reactor_->cycle();
            if (has_short_jobs()) {
                if (!run_short_jobs()) return false;
                reactor_->send();
            } else if (!more && !finished()) {
                reactor_->sleep();
            }
        }
        reactor_->sockets().shut();
        return true;
    }

    void run_job(core::job job, bool may_start) {
        if (!may_start) {
            completions_->put(core::job_done{job.link, job.what, false, core::job_returned{}});
            return;
        }
        if (job.at_most_once) completions_->put(core::job_started{job.link, job.what});
        running_call call(job, completions_);
        const base::instant begun = net::clock_now();
        invoke(job, call);
        if (config_.concurrency == 1) inline_policies_[job.function].took(net::clock_now() - begun);
        deliver(call);
    }

    void invoke(const core::job& job, running_call& call) {
        const call_context context{job, config_};
        current_call = &context;
        try {
            handlers_[job.function](call);
        } catch (...) {
            call.fault(std::current_exception());
        }
        current_call = nullptr;
    }

    void deliver(running_call& call) {
        if (call.answered()) {
            completions_->put(call.done());
        } else {
            call.deferred();
        }
    }

    worker_options options_;
    core::worker_config config_;
    std::vector<detail::handler> handlers_;
    std::unordered_set<std::string> names_;
    mode mode_ = mode::fresh;
    std::shared_ptr<completion_sink> completions_ = std::make_shared<completion_sink>();
    shell::function_threads function_threads_;
    core::worker_effects effects_;
    std::optional<core::worker> machine_;
    std::optional<net::reactor> reactor_;
    std::vector<completion> queued_;
    std::vector<inline_policy> inline_policies_;  // of each function; by whoever runs functions
    // By whoever has the lead.
    std::vector<core::job> short_jobs_;
    std::ptrdiff_t next_short_job_ = 0;  // of them: those before it have been run
    bool claimed_ = false;               // functions are run here, and nowhere else
    bool has_later_jobs_ = false;        // jobs that are to be run after those
    std::thread thread_;
    std::mutex guard_;
    std::condition_variable stopped_;
    bool looping_ = false;
    bool stop_asked_ = false;
};

worker::worker(worker_options options)
    : self_(std::make_unique<implementation>(std::move(options))) {}
worker::~worker() = default;

void worker::register_parkserver(std::string endpoint, std::string type) {
    self_->register_parkserver(std::move(endpoint), std::move(type));
}
void worker::connect(std::string endpoint, std::string type) {
    self_->connect(std::move(endpoint), std::move(type));
}
void worker::run() { self_->run(); }
void worker::start() { self_->start(); }
void worker::stop() { self_->stop(); }
int worker::fd() { return self_->fd(); }
bool worker::process_events() { return self_->process_events(); }
std::string worker::id() const { return self_->id(); }
void worker::add(std::string signature, detail::handler handler) {
    self_->add(std::move(signature), std::move(handler));
}

}  // namespace maus
