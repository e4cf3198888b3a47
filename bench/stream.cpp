#include "bench/stream.hpp"

#include <maus/maus.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <zmq.hpp>

#include "bench/clock.hpp"
#include "bench/machine.hpp"

namespace bench {

namespace {

constexpr std::size_t shared_min = 32 << 10;
using eight_bytes = std::uint64_t;

constexpr maus::method<maus::stream<eight_bytes>()> give_numbers{"numbers"};
constexpr maus::method<maus::stream<std::string>(std::uint32_t)> give_texts{"texts"};
constexpr maus::method<maus::stream<maus::bytes>(std::uint32_t)> give_blocks{"blocks"};

// Items a second, for as long as somebody wants to know.
template <class Read>  // one item; false: none comes any more
[[noreturn]] void serve_reading(Read read) {
    for (;;) {
        const double seconds = std::stod(next_command());
        const double begun = now_s();
        std::uint64_t count = 0;
        double now = begun;
        do {
            for (int i = 0; i < 16; ++i) {
                if (!read()) {
                    std::cerr << "maus-bench: the stream ended\n";
                    std::_Exit(1);
                }
            }
            count += 16;
            now = now_s();
        } while (now < begun + seconds);
        answer(std::to_string(count) + ' ' + std::to_string(now - begun));
    }
}

/// A giver and its reader.
class pair_of_processes {
public:
    pair_of_processes(child reader, child giver, std::size_t bytes)
        : reader_(std::move(reader)), giver_(std::move(giver)), bytes_(bytes) {}

    [[nodiscard]] sample run(double seconds) {
        const std::vector<pid_t> pids{reader_.pid(), giver_.pid()};
        const double before = cpu_s(pids);
        reader_.say(std::to_string(seconds));
        std::istringstream said(reader_.hear(seconds + 60));
        double items = 0, took = 0;
        said >> items >> took;
        return {{"items_per_s", items / took},
                {"mb_per_s", items / took * static_cast<double>(bytes_) / 1e6},
                {"cpu_s_per_million_items", (cpu_s(pids) - before) / items * 1e6}};
    }

private:
    child reader_, giver_;
    std::size_t bytes_;
};

pair_of_processes processes_of(const std::string& system, const stream_setting& what) {
    const std::string bytes = std::to_string(what.bytes);
    child reader("stream-" + system + "-reader", {any_endpoint(what.transport), bytes});
    child giver("stream-" + system + "-giver", {reader.hear(), bytes});
    return {std::move(reader), std::move(giver), what.bytes};
}

zmq::socket_t bounded_socket(zmq::context_t& context, zmq::socket_type type, std::size_t bytes) {
    constexpr std::size_t waiting_bytes = 16 << 20;
    const auto most = std::clamp<std::size_t>(waiting_bytes / bytes, 16, 100'000);
    zmq::socket_t socket(context, type);
    socket.set(zmq::sockopt::sndhwm, static_cast<int>(most));
    socket.set(zmq::sockopt::rcvhwm, static_cast<int>(most));
    socket.set(zmq::sockopt::linger, 0);
    return socket;
}

}  // namespace

std::string name_of(const stream_setting& what) {
    return "stream." + what.transport + '.' + size_name(what.bytes);
}

std::vector<figure> measure_stream(const stream_setting& what, const plan& how) {
    auto ours = processes_of("maus", what);
    auto reference = processes_of("zmq", what);
    (void)ours.run(how.seconds / 3);
    (void)reference.run(how.seconds / 3);
    return side_by_side(
        name_of(what), how, [&] { return ours.run(how.seconds); },
        [&] { return reference.run(how.seconds); });
}

void role_stream_maus_reader(const words& arguments) {
    maus::manager manager{arguments.at(0)};
    auto workers = manager.get_workers({.amount = 1});
    answer(manager.endpoint());
    const auto bytes = static_cast<std::uint32_t>(std::stoul(arguments.at(1)));
    const auto read_all = [](auto items) {
        serve_reading([&] { return items.read().has_value(); });
    };
    if (bytes == sizeof(eight_bytes)) read_all(workers.call(give_numbers));
    if (bytes < shared_min) read_all(workers.call(give_texts, bytes));
    read_all(workers.call(give_blocks, bytes));
}

void role_stream_maus_giver(const words& arguments) {
    maus::worker worker;
    worker.expose(give_numbers, []() -> maus::generator<eight_bytes> {
        for (eight_bytes i = 0;; ++i) co_yield i;
    });
    // With its count an item is `bytes` on the wire.
    worker.expose(give_texts, [](std::uint32_t bytes) -> maus::generator<std::string> {
        const std::string text(bytes > 4 ? bytes - 4 : 0, 'x');
        for (;;) co_yield text;
    });
    worker.expose(give_blocks, [](std::uint32_t bytes) -> maus::generator<maus::bytes> {
        const maus::bytes block{std::string(bytes - 4, 'x')};
        for (;;) co_yield block;
    });
    worker.connect(arguments.at(0));
    worker.run();
}

void role_stream_zmq_reader(const words& arguments) {
    zmq::context_t context;
    auto socket = bounded_socket(context, zmq::socket_type::pull, std::stoul(arguments.at(1)));
    socket.bind(arguments.at(0));
    answer(socket.get(zmq::sockopt::last_endpoint));
    zmq::message_t item;
    serve_reading([&] { return socket.recv(item).has_value(); });
}

void role_stream_zmq_giver(const words& arguments) {
    const std::size_t bytes = std::stoul(arguments.at(1));
    zmq::context_t context;
    auto socket = bounded_socket(context, zmq::socket_type::push, bytes);
    socket.connect(arguments.at(0));
    const std::string block(bytes, 'x');
    if (bytes < shared_min) {
        for (;;) socket.send(zmq::buffer(block), zmq::send_flags::none);
    }
    zmq::message_t lent(block.data(), block.size());
    for (;;) {
        zmq::message_t shared;
        shared.copy(lent);
        socket.send(shared, zmq::send_flags::none);
    }
}

}  // namespace bench
