// A worker of the fault tests. Prints "ready ID" when it is about to register; SIGTERM makes it take
// leave and end with 0.
#include <maus/maus.hpp>

#include <poll.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <list>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "journal.hpp"
#include "role.hpp"
#include "support/aides.hpp"
#include "work.hpp"

namespace faults {

namespace {

using namespace std::chrono_literals;

/// One execution, from its start to its end.
class execution {
public:
    execution(journal& into, const ask& what, function which)
        : into_(into), fence_(maus::this_call::fence()), ask_(what) {
        told_ = into_.begin(kind::started);
        told_.ticket = what.ticket;
        told_.argument = what.argument;
        told_.function = static_cast<std::uint32_t>(which);
        told_.call = fence_.call;
        told_.attempt = fence_.attempt;
        told_.worker = id_from<maus::base::worker_id>(fence_.worker);
        told_.manager = id_from<maus::base::manager_id>(fence_.manager);
        told_.lease = {fence_.lease_epoch, fence_.lease_sequence};
        into_.add(told_);
    }
    void ended() {
        told_.what = kind::ended;
        told_.at = {};
        into_.add(told_);
    }
    [[nodiscard]] answer finish() {
        ended();
        return {ask_.ticket,   maus::sim::value_of(ask_.argument),
                fence_.call,   fence_.attempt,
                fence_.worker, ask_.extra};
    }
    void die_of_poison() {
        told_.what = kind::died;
        told_.text = "poison";
        told_.at = {};
        into_.add(told_);
        std::abort();
    }

private:
    journal& into_;
    maus::fence fence_;
    ask ask_;
    fact told_;
};

void wait_for_file(const std::string& name) {
    while (!asked_to_end() && !std::filesystem::exists(name)) wait_to_end(10ms);
}

void expose_all(maus::worker& worker, journal& into, maus_test::aides& on,
                std::chrono::milliseconds slower) {
    const auto nap = [slower](const ask& what) {
        std::this_thread::sleep_for(std::chrono::microseconds{what.run_us} + slower);
    };
    worker.expose(echo, [&into, nap](const ask& what) {
        execution run(into, what, function::echo);
        nap(what);
        return run.finish();
    });
    worker.expose(hang, [&into](const ask& what) {
        execution run(into, what, function::hang);
        wait_to_end(24h);
        return run.finish();
    });
    worker.expose(poison, [&into](const ask& what) {
        execution run(into, what, function::poison);
        run.die_of_poison();
        return run.finish();
    });
    worker.expose(toss, [&into, nap](const ask& what) -> answer {
        execution run(into, what, function::toss);
        nap(what);
        run.ended();
        throw std::runtime_error("tossed " + std::to_string(what.argument));
    });
    worker.expose(greedy, [&into](const ask& what) {
        execution run(into, what, function::toss);
        try {
            std::vector<char> much(std::size_t{4} << 30);
            return run.finish();
        } catch (const std::bad_alloc&) {
            run.ended();
            throw std::runtime_error("tossed " + std::to_string(what.argument));
        }
    });
    worker.expose(give, [](const std::string& when, std::uint64_t bytes) {
        if (!when.empty()) wait_for_file(when);
        return std::string(bytes, 'x');
    });
    worker.expose(later, [&into, &on, nap](maus::responder<answer> reply, const ask& what) {
        const auto run = std::make_shared<execution>(into, what, function::later);
        on.run([reply, run, what, nap] {
            nap(what);
            reply(run->finish());
        });
    });
}

}  // namespace

void worker_choices::add_to(CLI::App& app) {
    role_options::add_to(app);
    app.add_option("--slower-ms", slower_ms);
    app.add_option("--set-up-when", set_up_when);
}

int run_worker(const worker_choices& chosen) {
    chosen.prepare();
    journal into(chosen.history, chosen.number);
    into.add(into.begin(kind::booted));
    maus_test::aides on;
    maus::worker_options options;
    options.heartbeat = chosen.beat();
    options.link_timeout = 500ms;
    options.stop_timeout = 1000ms;
    options.log = log_lines();
    maus::worker worker(options);
    expose_all(worker, into, on, std::chrono::milliseconds{chosen.slower_ms});
    if (!chosen.set_up_when.empty()) {
        worker.on_lease([&](const maus::lease_info&) { wait_for_file(chosen.set_up_when); });
    }
    for (const auto& each : chosen.parkservers) worker.register_parkserver(each, chosen.type);
    // Before it starts: its first call may be a poison, which ends it.
    std::cout << "ready " << worker.id() << std::endl;
    worker.start();
    while (!asked_to_end()) wait_to_end(1s);
    worker.stop();
    fact told = into.begin(kind::died);
    told.text = "it stopped";
    into.add(told);
    return 0;
}

}  // namespace faults
