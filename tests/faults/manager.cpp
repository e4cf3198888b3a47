// A manager of the fault tests: asks for workers and keeps calls outstanding.
//
// Prints "ready ID" when it runs. When it made all its calls or SIGTERM comes, it waits until all
// are settled, prints "ended {its counters}", and ends with 0; with 3 if some never settle.
#include <condition_variable>
#include <iostream>
#include <maus/maus.hpp>
#include <mutex>

#include <nlohmann/json.hpp>

#include "journal.hpp"
#include "role.hpp"
#include "support/wait.hpp"
#include "work.hpp"

namespace faults {

namespace {

using namespace std::chrono_literals;

/// How long calls may need to settle when the faults are over.
constexpr auto settle_bound = 30s;

class program {
public:
    explicit program(const manager_choices& chosen)
        : how_(chosen), into_(chosen.history, chosen.number), manager_(options()) {
        into_.add(into_.begin(kind::booted));
        id_ = id_from<maus::base::manager_id>(manager_.id());
        for (const auto& each : how_.parkservers) manager_.connect_parkserver(each);
        fact told = into_.begin(kind::requested);
        told.group = 1;
        into_.add(told);
        workers_ = manager_.get_workers({.amount = how_.amount, .type = how_.type});
        std::cout << "ready " << manager_.id() << std::endl;
    }

    int run() {
        const auto began = std::chrono::steady_clock::now();
        while (!asked_to_end() && (how_.calls == 0 || made_ < how_.calls)) {
            if (how_.rate != 0) {
                // Signed, or who is late would have to wait for ever.
                const auto due =
                    began + static_cast<std::int64_t>(made_) * 1'000'000'000ns / how_.rate;
                const auto left = due - std::chrono::steady_clock::now();
                if (left > 0ns) wait_to_end(std::chrono::ceil<std::chrono::milliseconds>(left));
            }
            if (wait_for_room()) call();
        }
        while (how_.idle && !asked_to_end()) wait_to_end(1s);
        const bool all = settle_all();
        release();
        count();
        manager_.stop();
        tell_end();
        return all ? 0 : 3;
    }

private:
    maus::manager_options options() {
        maus::manager_options made;
        made.endpoint = how_.endpoint;
        made.advertise = how_.advertise;
        made.heartbeat = how_.beat();
        if (how_.bytes_max != 0) made.limits.calls_bytes_max = how_.bytes_max;
        made.log = log_lines();
        made.on_event = [this](const maus::event& news) { noticed(news); };
        return made;
    }

    void noticed(const maus::event& news) {
        using maus::event_kind;
        const bool join = news.kind == event_kind::worker_joined;
        const bool left =
            news.kind == event_kind::worker_lost || news.kind == event_kind::worker_released;
        fact told = into_.begin(join ? kind::joined : left ? kind::left : kind::note);
        told.group = 1;
        told.manager = id_;
        told.text = std::string(to_string(news.kind)) + " " + news.name + " " + news.why;
        if (join || left) told.worker = id_from<maus::base::worker_id>(news.name);
        into_.add(told);
    }

    bool wait_for_room() {
        std::unique_lock lock(guard_);
        return changed_.wait_for(lock, 5ms, [this] { return open_ < how_.outstanding; });
    }

    struct choice {
        const method& what;
        function which;
    };
    [[nodiscard]] choice choose() const {
        const auto is = [this](std::uint32_t every) { return every != 0 && made_ % every == 0; };
        if (is(how_.poison_every)) return {poison, function::poison};
        if (is(how_.hang_every)) return {hang, function::hang};
        if (is(how_.toss_every)) return {toss, function::toss};
        if (is(how_.greedy_every)) return {greedy, function::toss};
        if (is(how_.later_every)) return {later, function::later};
        return {echo, function::echo};
    }

    [[nodiscard]] std::size_t extra() const {
        const bool large =
            made_ == how_.large_at || (how_.large_every != 0 && made_ % how_.large_every == 0);
        return large ? how_.large_bytes : how_.extra_bytes;
    }

    void call() {
        ++made_;
        const auto [function_to_call, which] = choose();
        const ask what{(std::uint64_t{how_.number} << 32) + made_, made_ * 7919, how_.run_us,
                       std::string(extra(), 'x')};
        maus::call_options options;
        options.max_crashes = static_cast<std::uint8_t>(how_.cap);
        if (how_.once_every != 0 && made_ % how_.once_every == 0 && which != function::poison) {
            options.delivery = maus::delivery::at_most_once;
        }
        fact told = into_.begin(kind::submitted);
        told.at = now();
        told.ticket = what.ticket;
        told.argument = what.argument;
        told.function = static_cast<std::uint32_t>(which);
        told.group = 1;
        told.max_crashes = how_.cap;
        told.at_most_once = options.delivery == maus::delivery::at_most_once;
        if (how_.timeout_ms != 0) {
            options.timeout = std::chrono::milliseconds{how_.timeout_ms};
            told.deadline = told.at + options.timeout;
        }
        if (how_.attempt_timeout_ms != 0) {
            options.attempt_timeout = told.attempt_timeout =
                std::chrono::milliseconds{how_.attempt_timeout_ms};
        }
        into_.add(told);
        {
            const std::lock_guard lock(guard_);
            ++open_;
        }
        (void)workers_.with(options)
            .call(function_to_call, what)
            .then([this, asked = in_short(what)](maus::future<answer> ready) {
                settled(asked, std::move(ready));
            });
    }

    /// What it is settled by. Not all of its bytes: those are the library's, and rows measure them.
    struct asked_for {
        std::uint64_t ticket;
        std::uint64_t argument;
        std::size_t extra;
    };
    static asked_for in_short(const ask& what) {
        return {what.ticket, what.argument, what.extra.size()};
    }

    void settled(const asked_for& asked, maus::future<answer> ready) {
        fact told = into_.begin(kind::settled);
        told.ticket = asked.ticket;
        try {
            const answer got = ready.get();
            told.right = got.ticket == asked.ticket &&
                         got.value == maus::sim::value_of(asked.argument) &&
                         got.extra == std::string(asked.extra, 'x');
            told.call = got.call;
            told.attempt = got.attempt;
            told.worker = id_from<maus::base::worker_id>(got.worker);
        } catch (const maus::error& failed) {
            told.error = failed.code();
            told.attempts = failed.attempts();
            told.text = failed.what();
            if (failed.code() == maus::errc::remote_exception) {
                told.right =
                    told.text.find("tossed " + std::to_string(asked.argument)) != std::string::npos;
            }
        }
        into_.add(told);
        const std::lock_guard lock(guard_);
        ++(told.error ? errors_ : results_);
        --open_;
        changed_.notify_all();
    }

    bool settle_all() {
        std::unique_lock lock(guard_);
        if (changed_.wait_for(lock, settle_bound, [this] { return open_ == 0; })) return true;
        fact told = into_.begin(kind::stuck);
        told.text = std::to_string(open_) + " calls do not settle";
        into_.add(told);
        return false;
    }

    void release() {
        fact told = into_.begin(kind::released);
        told.group = 1;
        into_.add(told);
        workers_.release();
        fact stop = into_.begin(kind::note);
        stop.text = "stop";
        into_.add(stop);
    }

    /// The library's own counters against the program's.
    void count() {
        const auto tell = [this](const char* what, std::uint64_t is, std::uint64_t should) {
            fact told = into_.begin(kind::count);
            told.text = what;
            told.ticket = is;
            told.call = should;
            into_.add(told);
        };
        // A call's callback may come before the metrics that have it.
        (void)maus_test::eventually(
            [&] {
                const auto seen = manager_.metrics();
                return seen.results + seen.errors == made_;
            },
            2s);
        const auto metrics = manager_.metrics();
        const std::lock_guard lock(guard_);
        tell("the metric of calls", metrics.calls, made_);
        tell("the metric of results", metrics.results, results_);
        tell("the metric of errors", metrics.errors, errors_);
        tell("calls that are open", open_, 0);
    }

    void tell_end() {
        const auto metrics = manager_.metrics();
        std::cout << "ended "
                  << nlohmann::json{{"calls", metrics.calls},
                                    {"results", metrics.results},
                                    {"errors", metrics.errors},
                                    {"reassigned", metrics.reassigned},
                                    {"stale_answers", metrics.stale_answers},
                                    {"joined", metrics.workers_joined},
                                    {"lost", metrics.workers_lost},
                                    {"violations", metrics.violations}}
                         .dump()
                  << std::endl;
        fact told = into_.begin(kind::died);
        told.text = "it stopped";
        into_.add(told);
    }

    const manager_choices& how_;
    journal into_;
    maus::base::manager_id id_;
    std::mutex guard_;
    std::condition_variable changed_;
    std::uint64_t made_ = 0;
    std::uint64_t open_ = 0;
    std::uint64_t results_ = 0;
    std::uint64_t errors_ = 0;
    maus::manager manager_;
    maus::worker_group workers_;
};

}  // namespace

void manager_choices::add_to(CLI::App& app) {
    role_options::add_to(app);
    app.add_option("--endpoint", endpoint);
    app.add_option("--advertise", advertise)->allow_extra_args(false);
    app.add_option("--amount", amount);
    app.add_option("--outstanding", outstanding);
    app.add_option("--bytes-max", bytes_max);
    app.add_option("--calls", calls);
    app.add_option("--rate", rate);
    app.add_option("--run-us", run_us);
    app.add_option("--extra-bytes", extra_bytes);
    app.add_option("--large-every", large_every);
    app.add_option("--large-at", large_at);
    app.add_option("--large-bytes", large_bytes);
    app.add_option("--cap", cap);
    app.add_option("--timeout-ms", timeout_ms);
    app.add_option("--attempt-timeout-ms", attempt_timeout_ms);
    app.add_option("--once-every", once_every);
    app.add_option("--poison-every", poison_every);
    app.add_option("--hang-every", hang_every);
    app.add_option("--toss-every", toss_every);
    app.add_option("--later-every", later_every);
    app.add_option("--greedy-every", greedy_every);
    app.add_flag("--idle", idle);
}

int run_manager(const manager_choices& chosen) {
    chosen.prepare();
    program all(chosen);
    return all.run();
}

}  // namespace faults
