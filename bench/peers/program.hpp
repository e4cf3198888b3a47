// What the programs of other systems have in common: maus-bench-NAME server ... and
// maus-bench-NAME client ..., started and told what to do by bench/peers.cpp and nobody else. They
// are programs of their own so that maus-bench itself stays as small as it is without their
// libraries: its memory is measured, too.
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <iostream>
#include <string_view>

#include "bench/echo.hpp"

namespace bench {

using role = void (*)(const words&);

inline int run_peer(int argc, char** argv, role server, role client) {
    const words all(argv, argv + argc);
    try {
        if (argc < 2) throw std::logic_error("it is for maus-bench peers");
        (all[1] == "server" ? server : client)({all.begin() + 2, all.end()});
        return 0;
    } catch (const std::exception& failed) {
        std::cerr << all[0] << ": " << failed.what() << '\n';
        return 1;
    }
}

/// A window of calls whose results come in their order: `send` sends one, `receive` waits until the
/// oldest is done.
template <class Send, class Receive>
timed run_window(double seconds, std::size_t window, Send send, Receive receive) {
    timed made;
    std::deque<double> waiting;
    const double begun = now_s(), end = begun + seconds;
    for (double now = begun; now < end || !waiting.empty(); now = now_s()) {
        for (; now < end && waiting.size() < window; waiting.push_back(now)) send();
        receive();
        made.latencies.record(now_s() - waiting.front());
        waiting.pop_front();
    }
    made.seconds = now_s() - begun;
    return made;
}

}  // namespace bench
