// The real parkserver, worker and manager, as the conformance tests use them.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "maus/manager.hpp"
#include "maus/parkserver.hpp"
#include "maus/worker.hpp"
#include "peers.hpp"
#include "support/gate.hpp"
#include "support/log_book.hpp"

namespace spec {

using maus_test::gate;
using maus_test::log_book;

inline maus::parkserver_options park_options() {
    maus::parkserver_options options;
    options.bind = {"tcp://127.0.0.1:*"};
    return options;
}

struct real_park {
    log_book log;
    maus::parkserver park;
    explicit real_park(maus::parkserver_options options = park_options())
        : park(with_log(std::move(options))) {
        park.start();
    }
    [[nodiscard]] std::string endpoint() const { return park.endpoint(); }
    [[nodiscard]] status ask() const {
        dealer asking(endpoint());
        asking.say(status_query{});
        return asking.hear_next<status>();
    }
    /// What it thinks of a worker; nothing if it does not know it.
    [[nodiscard]] std::optional<worker_status> picture_of(const id& worker) const {
        for (const auto& each : ask().workers) {
            if (each.worker == worker) return each;
        }
        return std::nullopt;
    }
    [[nodiscard]] bool comes_to_see(const id& worker, u8 state) const {
        return eventually([&] {
            const auto seen = picture_of(worker);
            return seen && seen->state == state;
        });
    }

private:
    maus::parkserver_options with_log(maus::parkserver_options options) {
        options.log = log.writer();
        return options;
    }
};
inline constexpr u8 is_occupied = 0, is_available = 1, is_offered = 2, is_leased = 3;

/// add, hold (until the gate opens), fail, later (a responder that the gate answers).
struct real_worker {
    log_book log;
    gate held{patience};
    maus::worker worker;
    explicit real_worker(maus::worker_options options = {}) : worker(with_log(std::move(options))) {
        worker.expose("add", [](int x, int y) { return x + y; });
        worker.expose("hold", [this](int x) {
            held.pass();
            return x;
        });
        worker.expose("fail", [](int) -> int { throw std::out_of_range("not there"); });
    }
    ~real_worker() { held.open(); }

private:
    maus::worker_options with_log(maus::worker_options options) {
        options.log = log.writer();
        return options;
    }
};
/// A real worker and the fake parkserver that it registers with; what it said has been read.
struct registering {
    router park;
    real_worker worker;
    channel& session;
    explicit registering(maus::worker_options options = {})
        : worker(std::move(options)), session(first_session()) {}

private:
    channel& first_session() {
        worker.worker.register_parkserver(park.endpoint());
        worker.worker.start();
        channel& accepted = park.accept();
        (void)accepted.hear_next<register_worker>();
        return accepted;
    }
};
inline constexpr u16 f_add = 0, f_hold = 1, f_fail = 2;

inline maus::manager_options manager_options() {
    maus::manager_options options;
    options.endpoint = "tcp://127.0.0.1:*";
    return options;
}

/// A real worker that serves a fake manager directly.
struct served {
    fake_manager manager;
    real_worker worker;
    fake_manager::guest guest;
    explicit served(maus::worker_options options = {}, u32 interval_ms = 1000, u32 liveness = 100)
        : worker(std::move(options)), guest(connect(interval_ms, liveness)) {}
    spec::link& link() { return guest.link; }
    /// The same as add(x, y) by hand.
    bool add_works(u64 call) {
        link().send(a_call({call, 1}, f_add, payload(20, 22)));
        const record answer = link().next(r_result);
        return attempt_of(answer) == attempt{call, 1} && payload_of(answer) == payload(42);
    }

private:
    fake_manager::guest connect(u32 interval_ms, u32 liveness) {
        worker.worker.connect(manager.workers.endpoint());
        worker.worker.start();
        return manager.welcome_one(interval_ms, liveness);
    }
};

/// A real manager that fake workers connect to directly.
struct managed {
    log_book log;
    maus::manager manager;
    maus::worker_group workers;
    explicit managed(maus::manager_options options = manager_options(), maus::request asked = {})
        : manager(with_log(std::move(options))), workers(manager.get_workers(std::move(asked))) {}
    [[nodiscard]] std::string endpoint() const { return manager.endpoint(); }
    maus::future<int> add(int x, int y) { return workers.call<int>("add", x, y); }

private:
    maus::manager_options with_log(maus::manager_options options) {
        options.log = log.writer();
        return options;
    }
};

/// The named error that a call ended with; nothing if it has a value.
template <class T>
std::optional<maus::errc> error_of(maus::future<T>& what) {
    try {
        if (!what.wait_for(patience)) throw std::runtime_error("the call was not settled in time");
        (void)what.get();
        return std::nullopt;
    } catch (const maus::error& failed) {
        return failed.code();
    }
}

}  // namespace spec
