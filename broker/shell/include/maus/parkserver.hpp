// A parkserver inside a program: so that one process can hold the broker, the manager and local
// workers.
//
//     maus::parkserver park{{.bind = {"tcp://127.0.0.1:*"}}};
//     park.start();
//     manager.connect_parkserver(park.endpoint());
//
// The program maus-parkserver is little more than this. Thread-safety: stop() from any
// thread at any time; the rest from one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "maus/error.hpp"
#include "maus/options.hpp"

namespace maus {

struct parkserver_options {
    /// Where to be reached: tcp://ADDRESS:PORT (port * for any), ipc://PATH. At least one.
    std::vector<std::string> bind = {"tcp://127.0.0.1:8500"};
    /// The shortest heartbeat it agrees to; workers and managers that request for a slower one get it.
    heartbeat_options heartbeat = {std::chrono::milliseconds{10}, 2};
    maus::limits limits = {};
    log_function log = {};
};

class parkserver {
public:
    /// Binds. Throws maus::error that says why it cannot.
    explicit parkserver(parkserver_options options = {});
    parkserver(const parkserver&) = delete;
    parkserver& operator=(const parkserver&) = delete;
    ~parkserver();

    /// The first endpoint, with wildcards resolved.
    [[nodiscard]] std::string endpoint() const;
    [[nodiscard]] std::vector<std::string> endpoints() const;

    /// Runs until stop() is called.
    void run();
    /// The same in a thread of its own.
    void start();
    /// Says goodbye to its peers and waits for the end. Idempotent.
    void stop();

private:
    class implementation;
    std::unique_ptr<implementation> self_;
};

}  // namespace maus
