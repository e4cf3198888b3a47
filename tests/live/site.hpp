// What most live tests begin with: a folder, a parkserver in this process, and worker processes
// that register with it.
//
// Two heartbeats: `calm` outlasts a machine that is busy with other things, so that nobody is held
// lost who is only slow; `quick` is for tests in which somebody is to be found silent.
#pragma once

#include <map>
#include <maus/maus.hpp>
#include <maus/parkserver.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "catch.hpp"
#include "live/zoo.hpp"
#include "support/process.hpp"
#include "support/scratch.hpp"
#include "support/wait.hpp"

namespace live {

using maus::worker_state;
using maus_test::eventually;
using maus_test::patience;
using maus_test::process;
using namespace std::chrono_literals;

enum class transport { tcp, ipc };

inline const maus::heartbeat_options calm{1000ms, 15};
/// For who is to be held lost soon: 3 s, so that a busy machine holds nobody lost that is not.
inline const maus::heartbeat_options quick{200ms, 15};

/// Logs to stderr if MAUS_TEST_LOG is set.
[[nodiscard]] maus::log_function log_as(const std::string& who);

struct worker_process : process {
    worker_process(const std::vector<std::string>& parkservers,
                   const std::vector<std::string>& more = {},
                   const maus::heartbeat_options& beat = calm);
    std::string id;
};

struct manager_process : process {
    manager_process(const std::vector<std::string>& parkservers,
                    const std::vector<std::string>& more = {},
                    const maus::heartbeat_options& beat = calm);
    std::string id;
};

struct parkserver_process : process {
    explicit parkserver_process(const std::string& bind);
    std::string endpoint;
};

class site {
public:
    explicit site(transport how = transport::tcp, maus::heartbeat_options beat = calm);

    /// A place to bind that nobody has: any port, or a path.
    [[nodiscard]] std::string somewhere();
    /// A place to bind that stays the same for programs that come back.
    [[nodiscard]] std::string fixed_place();
    [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }

    /// Starts the parkserver at the first call.
    [[nodiscard]] maus::parkserver& park();
    [[nodiscard]] std::string parkserver() { return park().endpoint(); }
    [[nodiscard]] worker_process worker(const std::vector<std::string>& more = {});
    [[nodiscard]] std::vector<worker_process> workers(std::size_t count,
                                                      const std::vector<std::string>& more = {});
    [[nodiscard]] manager_process manager(std::vector<std::string> more = {});
    /// For a manager with an address.
    [[nodiscard]] maus::manager_options reachable();
    /// For a manager without one.
    [[nodiscard]] maus::manager_options relayed() const;
    [[nodiscard]] const maus::heartbeat_options& beat() const { return beat_; }

private:
    maus_test::scratch_folder folder_;
    transport how_;
    maus::heartbeat_options beat_;
    int places_ = 0;
    std::unique_ptr<maus::parkserver> park_;
};

// --- what a parkserver says ---------------------------------------------------------------------

/// Nothing: it did not answer.
[[nodiscard]] std::optional<maus::parkserver_status> status_of(const std::string& parkserver);
/// Waits until the parkserver has so many workers in that state.
[[nodiscard]] bool comes_to_have(const std::string& parkserver, std::size_t count,
                                 worker_state state);
[[nodiscard]] bool comes_to_have_requests(const std::string& parkserver, std::size_t count);
/// Waits until this worker is in that state there.
[[nodiscard]] bool comes_to_be(const std::string& parkserver, const std::string& worker,
                               worker_state state);
/// Waits until the parkserver holds this manager lost.
[[nodiscard]] bool comes_to_forget_manager(const std::string& parkserver,
                                           const std::string& manager);
/// Worker's id -> id of the manager that it is leased to.
[[nodiscard]] std::map<std::string, std::string> leases(const std::string& parkserver);

// --- what calls give ----------------------------------------------------------------------------

/// Waits for it as long as a test waits, and gives its value; fails the test if nothing comes.
template <class T>
T value_of(maus::future<T>& call) {
    REQUIRE(call.wait_for(patience));
    return call.get();
}
template <class T>
T value_of(maus::future<T>&& call) {
    return value_of(call);
}

/// The error that it ends with; fails the test if there is none.
template <class T>
maus::error error_of(maus::future<T> call) {
    REQUIRE(call.wait_for(patience));
    try {
        call.get();
    } catch (const maus::error& failed) {
        return failed;
    }
    FAIL("a value came where an error was expected");
    throw std::logic_error("not reached");
}

/// Pids of the workers that serve, found by calling them until all have answered.
[[nodiscard]] std::set<std::uint32_t> pids_of(const maus::worker_group& workers, std::size_t count);

}  // namespace live

template <>
struct Catch::StringMaker<live::transport> {
    static std::string convert(live::transport how) {
        return how == live::transport::tcp ? "tcp" : "ipc";
    }
};
template <>
struct Catch::StringMaker<maus::errc> {
    static std::string convert(maus::errc code) { return std::string(to_string(code)); }
};
