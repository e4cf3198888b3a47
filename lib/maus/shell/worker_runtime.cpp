#include "maus/shell/worker_runtime.hpp"

#include <algorithm>
#include <future>

#include "maus/base/forced_unwind.hpp"
#include "maus/net/endpoint.hpp"
#include "maus/net/process.hpp"
#include "maus/shell/program_code.hpp"
#include "maus/wire/signature.hpp"

namespace maus::shell {

// --- before it runs ------------------------------------------------------------------------------

namespace {
core::worker_config config_of(const worker_options& options) {
    if (options.concurrency > options.limits.concurrency_max) {
        throw error(errc::invalid_argument, "concurrency is " +
                                                std::to_string(options.concurrency) +
                                                ", but limits.concurrency_max " +
                                                std::to_string(options.limits.concurrency_max));
    }
    base::random random(net::random_seed());
    core::worker_config made;
    made.id = base::worker_id::make(random);
    made.incarnation = {net::wall_us()};
    made.concurrency = std::max(options.concurrency, 1u);
    made.beat = core::heartbeat::of(options.heartbeat);
    made.link_timeout = options.link_timeout;
    made.host = net::host_name();
    made.pid = net::process_id();
    made.settings = {options.limits, wire::own_features(options.allow_scripts)};
    made.seed = random();
    return made;
}
}  // namespace

worker_runtime::worker_runtime(worker_options options)
    : options_(std::move(options)),
      config_(config_of(options_)),
      function_threads_(
          [this](core::job job, bool may_start) { run_job(std::move(job), may_start); },
          [this](const core::lease_hook& hook) { run_hook(hook); }, [this] { return drive(); }),
      effects_(config_.settings) {}

void worker_runtime::add(std::string signature, detail::handler handler) {
    if (mode_ != mode::fresh) {
        throw error(errc::invalid_argument, "maus::worker: expose functions before it runs");
    }
    const auto parsed = wire::parse_signature(signature);
    if (!parsed) {
        const bool too_large = parsed.why().code == errc::too_large;
        throw error(too_large ? errc::too_large : errc::invalid_argument,
                    "cannot expose " + wire::printable(signature) + ": " + parsed.why().message +
                        "; a function's name is 1 to " +
                        std::to_string(config_.settings.limits.name_bytes_max) +
                        " bytes of UTF-8 without blanks and parentheses");
    }
    if (!names_.insert(parsed.value().name).second) {
        throw error(errc::invalid_argument,
                    "a function named " + parsed.value().name + " is exposed already");
    }
    if (exposed_->handlers.size() >= config_.settings.limits.functions_max) {
        throw error(errc::too_large, "cannot expose " + wire::printable(signature) +
                                         ": a worker has at most limits.functions_max (" +
                                         std::to_string(config_.settings.limits.functions_max) +
                                         ") functions");
    }
    // In the order in which they are told (wire/functions.hpp).
    auto& all = config_.signatures;
    const auto kind = wire::kind_of(signature);
    const auto place =
        std::find_if(all.begin(), all.end(),
                     [kind](const std::string& each) { return wire::kind_of(each) > kind; }) -
        all.begin();
    gives_items_.insert(gives_items_.begin() + place, wire::is_stream(signature));
    has_streams_ = has_streams_ || wire::is_stream(signature);
    all.insert(all.begin() + place, std::move(signature));
    exposed_->handlers.insert(exposed_->handlers.begin() + place, std::move(handler));
}

void worker_runtime::set_type(std::string type) {
    if (mode_ != mode::fresh) {
        throw error(errc::invalid_argument, "maus::worker: say where to connect before it runs");
    }
    if (!wire::good_name(type, config_.settings.limits.name_bytes_max)) {
        throw error(errc::invalid_argument, "not a type's name: " + wire::printable(type));
    }
    config_.type = std::move(type);
}

void worker_runtime::register_parkserver(std::string endpoint, std::string type) {
    net::check_endpoint(endpoint);
    set_type(std::move(type));
    config_.parkservers.push_back(std::move(endpoint));
}

void worker_runtime::connect(std::string endpoint, std::string type) {
    net::check_endpoint(endpoint);
    set_type(std::move(type));
    config_.manager = std::move(endpoint);
}

// --- its life ------------------------------------------------------------------------------------

worker_runtime::~worker_runtime() {
    stop(mode_ == mode::hosted ? base::duration::zero() : base::duration{options_.stop_timeout});
    if (thread_.joinable()) thread_.join();
    if (mode_ == mode::hosted) {
        while (process_events()) reactor_->sockets().wait(machine_->next_deadline());
    }
    function_threads_.stop();
    clear_up_the_rest();
    streams_.clear();
    services_.callbacks->close();
    if (services_.scripts) services_.scripts->close();
    services_.callbacks->finish();
    completions_->close();
}

void worker_runtime::begin(mode how) {
    if (mode_ != mode::fresh)
        throw error(errc::invalid_argument, "maus::worker: it runs already, or it ran");
    if (config_.parkservers.empty() && config_.manager.empty()) {
        throw error(errc::invalid_argument,
                    "maus::worker: call register_parkserver() or connect() first");
    }
    if (options_.allow_scripts) services_.scripts = std::make_shared<script_host>(options_);
    mode_ = how;
    exposed_->signatures = config_.signatures;
    inline_policies_.resize(config_.signatures.size());
    for (std::size_t i = 0; i < config_.signatures.size(); ++i) {
        if (wire::takes_references(config_.signatures[i])) inline_policies_[i].never();
    }
    if (how == mode::hosted) services_.callbacks->host([this] { wait_hosted(); });
    if (how == mode::hosted && services_.scripts) {
        services_.scripts->on_settled([this] { completions_->wake(); });
    }
    machine_.emplace(config_, net::clock_now());
    reactor_.emplace(
        config_.settings,
        [this](log_level level, const std::string& text) { log_safely(options_.log, level, text); },
        *this);
    completions_->open(*reactor_);
    // The host's loop is to see that there is something to do.
    if (how == mode::hosted) {
        loop_.emplace(*this, false);
        reactor_->sockets().wake();
    }
    const std::lock_guard lock(guard_);
    looping_ = how == mode::threaded;
    // Asked to stop before it began.
    if (stop_asked_) completions_->put(core::stop_worker{net::clock_now()});
}

void worker_runtime::run() {
    begin(mode::threaded);
    start_threads();
    loop();
}

void worker_runtime::start() {
    begin(mode::threaded);
    // This thread comes first, so that the function threads do not take the last one that the
    // system allows.
    std::promise<bool> started;
    try {
        const auto wait_and_loop = [this, go = started.get_future().share()] {
            if (go.get()) loop();
        };
        thread_ = net::spawn(wait_and_loop, function_threads_.mask());
    } catch (...) {
        loop_is_over();
        throw;
    }
    try {
        start_threads();
    } catch (...) {
        started.set_value(false);
        thread_.join();
        throw;
    }
    started.set_value(true);
}

void worker_runtime::start_threads() {
    try {
        const auto got = function_threads_.start_threads(
            config_.concurrency, config_.settings.limits.detached_per_slot_max);
        if (got == config_.concurrency) return;
        log_safely(options_.log, log_level::warning,
                   "the system allows threads for " + std::to_string(got) + " of " +
                       std::to_string(config_.concurrency) + " functions at a time");
    } catch (...) {
        loop_is_over();
        throw;
    }
}

void worker_runtime::loop() {
    const struct end {
        ~end() {
            of.clear_up_the_rest();
            of.streams_.clear();
            of.loop_is_over();
        }
        worker_runtime& of;
    } when_it_is_over{*this};
    function_threads_.work();
}

void worker_runtime::loop_is_over() {
    services_.callbacks->close();
    if (services_.scripts) services_.scripts->close();
    services_.callbacks->finish();
    completions_->close();
    {
        const std::lock_guard lock(guard_);
        looping_ = false;
    }
    stopped_.notify_all();
}

void worker_runtime::stop(base::duration timeout) {
    std::unique_lock lock(guard_);
    stop_asked_ = true;
    lock.unlock();
    completions_->put(core::stop_worker{base::after(net::clock_now(), timeout)});
    lock.lock();
    if (!is_own_thread()) stopped_.wait(lock, [this] { return !looping_; });
}

// --- by the leader -------------------------------------------------------------------------------

void worker_runtime::on(net::input event, base::instant now) {
    std::visit([&](auto& each) { machine_->on(std::move(each), now, effects_); }, event);
}

void worker_runtime::take_queued(base::instant now) {
    completions_->take(queued_);
    for (auto& each : queued_) take(each, now);
}

void worker_runtime::take(completion& done, base::instant now) {
    if (const auto* ready = std::get_if<items_ready>(&done)) [[unlikely]] {
        for (auto& each : ready->of->take_ready()) machine_->on(std::move(each), now, effects_);
        return;
    }
    std::visit(
        [&](auto& each) {
            if constexpr (!std::is_same_v<std::remove_reference_t<decltype(each)>, items_ready>) {
                machine_->on(std::move(each), now, effects_);
            }
        },
        done);
}

void worker_runtime::step(base::instant now, base::instant time) {
    take_queued(now);
    machine_->advance_to(time, effects_);
    const bool same_link = function_threads_.permit(machine_->startable(), machine_->lease_until());
    if (!same_link) short_jobs_.forget_cancels();
    const bool other_link = machine_->answerable() != answerable_;
    if (other_link) [[unlikely]] {
        answerable_ = machine_->answerable();
        function_threads_.answerable(answerable_);
        services_.stops->keep_only(answerable_);
        services_.callbacks->keep_only(answerable_);
        if (services_.scripts) services_.scripts->keep_only(answerable_);
    }
    const bool for_streams = other_link || !effects_.cancel.empty() || !effects_.more.empty();
    const auto cancels = for_streams ? effects_.cancel : std::vector<wire::attempt>{};
    if (!effects_.called_back.empty()) [[unlikely]]
        services_.callbacks->answered(effects_.called_back);
    if (!effects_.cancel.empty()) cancel_jobs(now);
    if (has_streams_) [[unlikely]]
        expect_streams();
    if (for_streams) [[unlikely]]
        step_streams(other_link, cancels);
    if (mode_ == mode::threaded && !effects_.execute.empty()) keep_short_jobs();
    function_threads_.add(effects_.execute);
    if (effects_.hook) [[unlikely]]
        hand_out_hook();
    if (claimed_ && short_jobs_.empty()) end_claim();
    publish_metrics();
}

void worker_runtime::publish_metrics() {
    const auto& counted = machine_->counters();
    metrics_.set({.calls = counted.calls,
                  .answers = counted.answers,
                  .answers_dropped = counted.answers_dropped,
                  .leases = counted.leases,
                  .violations = counted.violations});
}

// What comes for one before its function begins is kept for it.
void worker_runtime::expect_streams() {
    for (const auto& each : effects_.execute) {
        if (!each.resumes && gives_items_[each.function]) streams_.expect(each);
    }
}

// After the cancels of other jobs: what goes on is none that waits to be started.
void worker_runtime::step_streams(bool other_link, const std::vector<wire::attempt>& cancels) {
    if (other_link) streams_.keep_only(answerable_, effects_.execute);
    streams_.cancel(answerable_, cancels, effects_.execute);
    streams_.more(answerable_, effects_.more, effects_.execute);
    effects_.more.clear();
}

// A job may have come in this very step, wait behind short functions, or wait for the threads.
void worker_runtime::cancel_jobs(base::instant now) {
    cancelled_attempts just_now;
    just_now.add(effects_.cancel, effects_.execute,
                 [](const core::job& each) { return each.attempt; });
    std::erase_if(effects_.execute, [&](const core::job& job) {
        if (!just_now.take(job.attempt)) return false;
        give_back(job, now);
        return true;
    });
    short_jobs_.cancel(effects_.cancel);
    function_threads_.cancel(effects_.cancel);
    services_.stops->cancel(machine_->answerable(), effects_.cancel);
    effects_.cancel.clear();
}

void worker_runtime::give_back(const core::job& job, base::instant now) {
    machine_->on(core::job_done{job.link, job.attempt, false, core::job_returned{}}, now, effects_);
}

// False: another thread leads now.
bool worker_runtime::drive() {
    if (claimed_) give_up_claim();
    while (!finished()) {
        const bool more = reactor_->cycle();
        if (!short_jobs_.empty()) {
            if (!run_short_jobs()) return false;
            if (effects_.hook) hand_out_hook();  // the last function of a lease has ended
            reactor_->send();
        } else if (!more && !finished()) {
            reactor_->sleep();
        }
    }
    reactor_->sockets().shut();
    nobody_answers();
    return true;
}

// What functions wait for comes no more.
void worker_runtime::nobody_answers() {
    services_.callbacks->close();
    if (services_.scripts) services_.scripts->stop();
}

// --- short functions -----------------------------------------------------------------------------

void worker_runtime::keep_short_jobs() {
    if (!claimed_ && !(claimed_ = function_threads_.begin_short())) return;
    const bool some_left =
        short_jobs_.keep_front(effects_.execute, inline_policies_, has_later_jobs_);
    has_later_jobs_ = has_later_jobs_ || some_left;
    if (short_jobs_.empty()) end_claim();
}

void worker_runtime::end_claim() {
    claimed_ = has_later_jobs_ = false;
    function_threads_.end_short();
}

// Another thread has the claim: it is in a function that is not short after all. What waits behind
// that function waits for the function threads.
void worker_runtime::give_up_claim() {
    claimed_ = has_later_jobs_ = false;
    const base::instant now = net::clock_now();
    auto& rest = short_jobs_.rest();
    std::erase_if(rest, [&](const core::job& job) {
        if (!short_jobs_.is_cancelled(job)) return false;
        give_back(job, now);
        return true;
    });
    function_threads_.add_in_front(rest);
    if (effects_.hook) hand_out_hook();
}

// False: another thread leads now, and nothing that belongs to the leader may be touched any more.
bool worker_runtime::run_short_jobs() {
    // What is answered in this time travels together: a message's own way takes about as long.
    constexpr base::duration message_time = std::chrono::microseconds{100};
    net::frequent_clock clock;
    base::instant now = clock.now();
    const base::instant begun = now;
    while (!short_jobs_.empty()) {
        core::job job = short_jobs_.take();
        if (short_jobs_.is_cancelled(job) || !function_threads_.permits(job, now)) {
            give_back(job, now);
            continue;
        }
        if (!run_short_job(job, clock, now)) return false;
        if (now - begun > message_time) break;
    }
    if (short_jobs_.empty()) end_claim();
    return true;
}

MAUS_CATCHES_FORCED_UNWIND bool worker_runtime::run_short_job(core::job& job,
                                                              net::frequent_clock& clock,
                                                              base::instant& now) {
    if (job.at_most_once) machine_->on(core::job_started{job.link, job.attempt}, now, effects_);
    running_call call(job, services_);
    function_threads_.runs_short(job);
    function_threads_.leadership().leave_unwatched();
    try {
        invoke(job, call);
    } catch (const abi::__forced_unwind&) {
        function_threads_.end_short();
        throw;
    }
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
    return true;
}

// --- functions -----------------------------------------------------------------------------------

void worker_runtime::run_job(core::job job, bool may_start) {
    if (job.resumes) return streams_.go_on(job);
    if (gives_items_[job.function]) {
        const bool late = job.deadline != base::never && net::clock_now() >= job.deadline;
        if (!may_start || late) streams_.expect_no_more(job);
    }
    if (!may_start) {
        completions_->put(core::job_done{job.link, job.attempt, false, core::job_returned{}});
        return;
    }
    if (job.at_most_once) completions_->put(core::job_started{job.link, job.attempt});
    if (job.deadline != base::never && net::clock_now() >= job.deadline) {
        completions_->put(core::job_done{
            job.link, job.attempt, false,
            core::job_fault{errc::deadline_exceeded, {}, "its time was up before it began"}});
        return;
    }
    if (gives_items_[job.function]) {
        return streams_.begin(std::move(job), [this](const core::job& its, running_call& call) {
            invoke(its, call);
        });
    }
    running_call call(job, services_);
    const base::instant begun = net::clock_now();
    invoke(job, call);
    if (config_.concurrency == 1) inline_policies_[job.function].took(net::clock_now() - begun);
    deliver(call);
}

MAUS_CATCHES_FORCED_UNWIND void worker_runtime::invoke(const core::job& job, running_call& call) {
    try {
        const running_call::scope here(call);
        exposed_->handlers[job.function](call);
    } catch (const abi::__forced_unwind&) {
        call.fault(errc::remote_exception, "pthread_exit", "the function ended its thread");
        deliver(call);
        throw;
    } catch (...) {
        auto [type, text] = describe(detail::caught());
        call.fault(errc::remote_exception, std::move(type), std::move(text));
    }
}

void worker_runtime::deliver(running_call& call) {
    if (call.answered()) {
        completions_->put(call.done());
    } else {
        call.deferred();
    }
}

}  // namespace maus::shell
