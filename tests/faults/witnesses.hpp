// Good clients of a parkserver that is attacked, and of a manager that is: what they wait, and what the
// attacked processes grow by. And the attackers' tools: connections that speak ZMTP by hand.
//
// Memory is measured from outside, and is asserted. So is the longest wait, unless the row was played with
// --no-latency: on a machine that is busy with other things everybody waits.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "conformance/peers.hpp"
#include "conformance/raw_tcp.hpp"
#include "rows.hpp"

namespace faults {

using spec::raw_tcp;

inline constexpr std::size_t mib = std::size_t{1} << 20;
inline constexpr std::size_t queued_max = 256 * mib;  ///< queued_bytes_max
inline constexpr std::size_t slack = 64 * mib;

/// Two managers whose calls go on during an attack, one over links of its own and one relayed.
class witnesses {
public:
    /// `limits`: of the parkserver (stage::start_parkserver).
    explicit witnesses(stage& on, const std::string& limits = {});
    /// Where workers find the direct one.
    std::string place;

    void watch(const std::string& name, pid_t pid);
    /// The attack is over: what it cost.
    void judge(std::size_t bytes_max = queued_max);
    /// Waits for calls of both.
    void go_on();

private:
    struct watched {
        pid_t pid;
        std::size_t before;
    };
    struct client {
        peer* manager;
        const char* how;
        double ms_max;
        std::size_t since = 0;  // its facts before the attack
    };
    stage& on_;
    std::vector<client> clients_;
    std::map<std::string, watched> watched_;
};

[[nodiscard]] std::string times(std::size_t count, const std::string& text);

[[nodiscard]] raw_tcp stranger(const std::string& endpoint);
/// A worker by hand that is registered, and reads nothing more but what it is asked to.
[[nodiscard]] raw_tcp registered_worker(const std::string& endpoint,
                                        const spec::register_worker& self);
/// Of one that is never silent for too long.
[[nodiscard]] std::string hello_of(spec::fake_worker self);
[[nodiscard]] std::string hello_of(const std::string& type,
                                   std::vector<std::string> signatures = {});
[[nodiscard]] raw_tcp linked_worker(const std::string& manager);

}  // namespace faults
