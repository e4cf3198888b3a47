// A parkserver inside a program: so that one process can hold the broker, the manager and local
// workers.
//
//     maus::parkserver park{{.bind = {"tcp://127.0.0.1:*"}}};
//     park.start();
//     manager.connect_parkserver(park.endpoint());
//
// There are three ways to run it: run() in this thread; start(), in one of its own; or fd() and
// process_events() in a loop that you have already:
//
//     maus::parkserver park{{.bind = {"tcp://127.0.0.1:*"}}};
//     // in the loop: poll() park.fd() for POLLIN, and whenever it is readable:
//     park.process_events();
//
// The program maus-parkserver is little more than this. Errors: maus::error, invalid_argument for
// mistakes of the caller, resource_exhausted for what the system does not give.
//
// Thread-safety: stop() and metrics() from any thread at any time; the rest from one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "maus/error.hpp"
#include "maus/options.hpp"

namespace maus {

struct parkserver_options {
    /// Where to be reached: tcp://ADDRESS:PORT (port * for any that is free), ipc://PATH
    /// (base/endpoint.hpp). At least one.
    std::vector<std::string> bind = {"tcp://127.0.0.1:8500"};
    /// The shortest heartbeat it agrees to; workers and managers that ask for a slower one get it.
    heartbeat_options heartbeat = {std::chrono::milliseconds{10}, 2};
    maus::limits limits = {};
    log_function log = {};
};

/// What has happened so far; each counter only grows.
struct parkserver_metrics {
    std::uint64_t registrations = 0;  ///< of workers and managers, repeated ones among them
    std::uint64_t grants = 0;         ///< workers that took the lease they were offered
    std::uint64_t workers_lost = 0;   ///< whose session ended, for whatever reason
    std::uint64_t managers_lost = 0;  ///< the same of managers
    std::uint64_t relayed = 0;        ///< messages passed on between a worker and a manager
    std::uint64_t violations = 0;     ///< messages that broke the protocol
    std::uint64_t unimplemented = 0;  ///< peers told it that they do not know a message of its
};

class parkserver {
public:
    /// Binds all endpoints. Throws maus::error that says why it cannot.
    explicit parkserver(parkserver_options options = {});
    parkserver(const parkserver&) = delete;
    parkserver& operator=(const parkserver&) = delete;
    ~parkserver();

    /// The first endpoint, with wildcards resolved.
    [[nodiscard]] std::string endpoint() const;
    [[nodiscard]] std::vector<std::string> endpoints() const;

    /// From any thread.
    [[nodiscard]] parkserver_metrics metrics() const;

    /// Runs until stop() is called. Once; invalid_argument if it runs already, or ran.
    void run();
    /// The same in a thread of its own.
    void start();
    /// Says goodbye to its peers and waits for the end. Idempotent. In a loop of yours it does not wait:
    /// that is done when process_events() returns false.
    void stop();

    /// For a loop that you have: readable (level-triggered) whenever process_events() has something
    /// to do, heartbeats included. Throws maus::error (invalid_argument) if it runs in a thread.
    [[nodiscard]] int fd();
    /// Does what there is to do, and returns soon. False once it has stopped. Throws as fd() does.
    bool process_events();

private:
    class implementation;
    std::unique_ptr<implementation> self_;
};

}  // namespace maus
