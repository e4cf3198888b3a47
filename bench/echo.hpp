// Echo by several systems: a client process with its server processes, ready to be timed again and
// again. The clients speak one language (`run SECONDS`), so that whatever stands behind them is
// timed in the same way.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/child.hpp"
#include "bench/figure.hpp"
#include "bench/histogram.hpp"

namespace bench {

/// Which echo: how large, how many at a time, by how many workers, in which style.
struct setting {
    std::string transport = "tcp";
    std::size_t bytes = 8;
    std::size_t window = 1;
    std::size_t workers = 1;
    std::string style = "get";     // then, coroutine: what becomes of the futures
    std::size_t threads = 1;       // that call, each with its share of the window
    std::string payload = "text";  // std::string; bytes: maus::bytes, and libzmq lends too
    std::size_t beside = 0;        // bytes of one more call, which is always on its way
};
[[nodiscard]] std::string name_of(const std::string& benchmark, const setting& what);

/// One system's processes. The client is the last.
class system_under_test {
public:
    explicit system_under_test(std::vector<child> processes) : processes_(std::move(processes)) {}
    /// calls_per_s, p50_us, p99_us, p999_us, cpu_s_per_million_calls (of all processes),
    /// peak_memory_bytes (of all processes).
    [[nodiscard]] sample run(double seconds);

private:
    std::vector<child> processes_;
};

[[nodiscard]] system_under_test maus_echo(const setting& what);
/// Of the role maus-client. `how`: bind, where workers connect to it; relayed, by a parkserver.
[[nodiscard]] words client_arguments(const std::string& how, const std::string& where,
                                     const setting& what);
[[nodiscard]] system_under_test maus_relay(const setting& what);
/// DEALER to ROUTER. `group`: calls that travel in one message; 1 is what somebody would write who
/// wants no library, 64 a ceiling of what gathering can give.
[[nodiscard]] system_under_test zmq_echo(const setting& what, std::size_t group = 1);
/// DEALER to a broker of two ROUTERs to DEALER.
[[nodiscard]] system_under_test zmq_relay(const setting& what);

/// Ours beside each of the others, by its name, in turn.
[[nodiscard]] std::vector<figure> measure_systems(
    const plan& how, system_under_test ours,
    std::vector<std::pair<std::string, system_under_test>> references);

/// The figures of one setting, beside libzmq; and beside the ceiling, as NAME.of64, if asked.
[[nodiscard]] std::vector<figure> measure_echo(const setting& what, const plan& how, bool ceiling);
/// Calls beside a large one, beside libzmq; and beside the same calls without it, as NAME.alone.
[[nodiscard]] std::vector<figure> measure_transfer(const setting& what, const plan& how);
[[nodiscard]] std::vector<figure> measure_relay(const setting& what, const plan& how);

/// A client's main loop: runs as long as it is told, as often as it is told.
struct timed {
    histogram latencies;
    double seconds = 0;
};
template <class Run>  // timed(double seconds)
[[noreturn]] void serve_runs(Run run) {
    for (;;) {
        const timed made = run(std::stod(next_command()));
        const auto& all = made.latencies;
        answer(std::to_string(all.count()) + ' ' + std::to_string(made.seconds) + ' ' +
               std::to_string(all.quantile_us(0.5)) + ' ' + std::to_string(all.quantile_us(0.99)) +
               ' ' + std::to_string(all.quantile_us(0.999)));
    }
}

// The roles of the child processes. They run until they are killed.
void role_maus_client(const words& arguments);
void role_maus_server(const words& arguments);
void role_parkserver(const words& arguments);
void role_zmq_client(const words& arguments);
void role_zmq_server(const words& arguments);
void role_zmq_broker(const words& arguments);
void role_zmq_broker_server(const words& arguments);

}  // namespace bench
