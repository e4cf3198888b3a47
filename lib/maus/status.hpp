// What a parkserver knows, for those who watch it.
//
//     auto now = maus::fetch_status("tcp://127.0.0.1:8500", std::chrono::seconds{2});
//     for (const auto& worker : now.workers) std::cout << worker.type << '\n';
//
// All ids are text as `maus status` shows them: 32 hexadecimal digits, empty where there is none.
// `age` is the time since the registration or the request. The structs are plain values; thread-safe
// as such.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "maus/error.hpp"
#include "maus/time_span.hpp"

namespace maus {

/// What a parkserver holds a worker to be.
enum class worker_state : std::uint8_t {
    occupied,   ///< it serves, or serves soon, a manager that it was not given here
    available,  ///< free
    offered,    ///< it was offered to a manager and has not answered yet
    leased,     ///< it serves a manager that it was given here
};
[[nodiscard]] constexpr std::string_view to_string(worker_state state) noexcept {
    switch (state) {
        case worker_state::occupied: return "occupied";
        case worker_state::available: return "available";
        case worker_state::offered: return "offered";
        case worker_state::leased: return "leased";
    }
    return "unknown";
}

/// The picture at one moment.
struct parkserver_status {
    struct worker {
        std::string id;
        std::uint64_t incarnation = 0;  ///< larger after each start of the worker
        std::string type;
        std::vector<std::string> functions;  ///< signatures: "add(i32,i32)->i32"
        std::uint32_t concurrency = 1;       ///< functions that it runs at a time
        worker_state state = worker_state::occupied;
        std::string lease;    ///< "EPOCH.SEQUENCE" while offered or leased
        std::string manager;  ///< whom it serves, as far as is known
        std::string host;
        std::uint32_t pid = 0;
        std::chrono::milliseconds age{};
    };
    struct manager {
        std::string id;
        std::vector<std::string> endpoints;  ///< none: it is relayed
        std::string host;
        std::uint32_t pid = 0;
        std::chrono::milliseconds age{};
    };
    struct request {
        std::string manager;
        std::uint64_t number = 0;  ///< unique for this manager
        std::string type;
        std::uint32_t amount = 0;   ///< how many workers it asks for; 0: all that are free
        std::uint32_t serving = 0;  ///< how many it has
        std::chrono::milliseconds age{};
        // Of an elastic request, whose amount then says what an older parkserver would take it for.
        // A parkserver of an earlier version does not tell; then all are 0.
        std::uint32_t min = 0;    ///< 0: it is exact
        std::uint32_t max = 0;    ///< 0: no bound
        std::uint32_t share = 0;  ///< how many it is to have at the moment
        std::string label = {};   ///< of its calls (request::calls); empty: none
    };

    std::string id;
    std::string version;
    std::uint64_t epoch = 0;  ///< larger after each start
    std::chrono::milliseconds uptime{};
    std::vector<worker> workers;
    std::vector<manager> managers;
    std::vector<request> requests;
};

/// Asks the parkserver at `endpoint`. Throws maus::error: deadline_exceeded if it does not answer
/// within `timeout`, cancelled soon after `stop` is requested, invalid_argument if the endpoint is
/// none, protocol_violation if what answers is no parkserver, version_mismatch if it speaks another
/// version. Waits; thread-safe.
[[nodiscard]] parkserver_status fetch_status(const std::string& endpoint, time_span timeout,
                                             std::stop_token stop = {});

}  // namespace maus
