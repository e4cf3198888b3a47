// Streams: one worker gives items, one manager reads them; beside libzmq's PUSH to PULL.
#pragma once

#include <string>
#include <vector>

#include "bench/child.hpp"
#include "bench/figure.hpp"

namespace bench {

struct stream_setting {
    std::string transport = "tcp";
    std::size_t bytes =
        8;  // of an item; from 32 KiB on maus::bytes, and libzmq does not copy either
};
[[nodiscard]] std::string name_of(const stream_setting& what);

/// items_per_s, mb_per_s, cpu_s_per_million_items.
[[nodiscard]] std::vector<figure> measure_stream(const stream_setting& what, const plan& how);

// The roles of the child processes.
void role_stream_maus_reader(const words& arguments);
void role_stream_maus_giver(const words& arguments);
void role_stream_zmq_reader(const words& arguments);
void role_stream_zmq_giver(const words& arguments);

}  // namespace bench
