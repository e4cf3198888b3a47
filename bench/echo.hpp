// The same echo by two systems: through the public API of maus, futures included, and by raw libzmq
// with one message a call, DEALER to ROUTER.
#pragma once

#include <memory>
#include <string>

#include "bench/figure.hpp"

namespace bench {

/// A client with its servers in processes of their own, ready to be timed again and again.
class echo {
public:
    virtual ~echo() = default;
    /// Echoes for about `seconds`, with `window` calls outstanding.
    [[nodiscard]] virtual sample run(double seconds) = 0;
};

[[nodiscard]] std::unique_ptr<echo> maus_echo(const setting& what);
[[nodiscard]] std::unique_ptr<echo> zmq_echo(const setting& what);

// The roles of the child processes. They run until they are killed.
[[noreturn]] void serve_maus_echo(const std::string& endpoint);
[[noreturn]] void serve_zmq_echo(const std::string& endpoint);

}  // namespace bench
