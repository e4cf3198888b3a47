// The processes behind sleep.hpp.
#include <maus/maus.hpp>

#include <unistd.h>

#include <cstring>
#include <sstream>
#include <stdexcept>
#include <zmq.hpp>

#include "bench/sleep.hpp"

namespace bench {

namespace {
using napped = std::pair<double, std::uint64_t>;  // seconds, who
constexpr maus::method<napped(std::uint32_t)> sleep_method{"sleep"};

// Hears "KIND SECONDS", does those naps, answers the makespan and the perfect time; again and
// again.
template <class Run>  // vector<nap_done>(const vector<uint32_t>& naps)
[[noreturn]] void serve_loads(Run run) {
    for (;;) {
        std::istringstream command(next_command());
        std::string kind;
        double seconds = 0;
        command >> kind >> seconds;
        const auto naps = naps_of(kind, seconds);
        const double begun = now_s();
        const std::vector<nap_done> done = run(naps);
        const double took = now_s() - begun;
        answer(std::to_string(took) + ' ' + std::to_string(perfect_time(done)));
    }
}
}  // namespace

void role_sleep_maus_client(const words& arguments) {
    maus::manager manager{arguments.at(0)};
    auto workers = manager.get_workers({.amount = sleep_workers});
    answer(manager.endpoint());
    serve_loads([&](const std::vector<std::uint32_t>& naps) {
        if (!workers.wait_for(sleep_workers, std::chrono::seconds{20})) {
            throw std::runtime_error("no workers came in 20 s");
        }
        std::vector<maus::future<napped>> calls;
        for (const auto us : naps) calls.push_back(workers.call(sleep_method, us));
        std::vector<nap_done> done;
        for (std::size_t i = 0; i < naps.size(); ++i) {
            const auto [took, who] = calls[i].get();
            done.push_back({naps[i], took, static_cast<std::size_t>(who)});
        }
        return done;
    });
}

void role_sleep_maus_server(const words& arguments) {
    const auto slower = static_cast<std::uint32_t>(std::stoul(arguments.at(1)));
    const auto who = static_cast<std::uint64_t>(getpid());
    maus::worker worker;
    worker.expose(sleep_method, [=](std::uint32_t us) { return napped{nap(us * slower), who}; });
    worker.connect(arguments.at(0));
    worker.run();
}

void role_sleep_zmq_client(const words& arguments) {
    const bool one_at_a_time = arguments.at(0) == "window1";
    zmq::context_t context;
    std::vector<zmq::socket_t> sockets;
    for (std::size_t i = 1; i < arguments.size(); ++i) {
        sockets.emplace_back(context, zmq::socket_type::dealer);
        sockets.back().set(zmq::sockopt::linger, 0);
        sockets.back().set(zmq::sockopt::sndhwm, 1'000'000);
        sockets.back().set(zmq::sockopt::rcvhwm, 1'000'000);
        sockets.back().connect(arguments[i]);
    }
    std::vector<zmq::pollitem_t> ready;
    for (auto& each : sockets) ready.push_back({each, 0, ZMQ_POLLIN, 0});

    serve_loads([&](const std::vector<std::uint32_t>& naps) {
        std::size_t given = 0;
        const auto give = [&](std::size_t to) {
            if (given < naps.size()) {
                sockets[to].send(zmq::buffer(&naps[given], sizeof naps[given]),
                                 zmq::send_flags::none);
                ++given;
            }
        };
        const std::size_t at_once = one_at_a_time ? sockets.size() : naps.size();
        for (std::size_t i = 0; i < at_once; ++i) give(i % sockets.size());
        std::vector<nap_done> done;
        while (done.size() < naps.size()) {
            if (zmq::poll(ready.data(), ready.size(), std::chrono::seconds{60}) == 0) {
                throw std::runtime_error("a raw libzmq server does not answer");
            }
            for (std::size_t from = 0; from < sockets.size(); ++from) {
                if ((ready[from].revents & ZMQ_POLLIN) == 0) continue;
                nap_done one;
                one.worker = from;
                char reply[12];
                (void)sockets[from].recv(zmq::buffer(reply), zmq::recv_flags::none);
                std::memcpy(&one.asked_us, reply, 4);
                std::memcpy(&one.took_s, reply + 4, 8);
                done.push_back(one);
                if (one_at_a_time) give(from);
            }
        }
        return done;
    });
}

void role_sleep_zmq_server(const words& arguments) {
    const auto slower = static_cast<std::uint32_t>(std::stoul(arguments.at(1)));
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::router);
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::rcvhwm, 1'000'000);
    socket.set(zmq::sockopt::sndhwm, 1'000'000);
    socket.bind(arguments.at(0));
    answer(socket.get(zmq::sockopt::last_endpoint));
    for (;;) {
        zmq::message_t id, asked;
        if (!socket.recv(id) || !socket.recv(asked)) continue;
        std::uint32_t us = 0;
        std::memcpy(&us, asked.data(), sizeof us);
        const double took = nap(us * slower);
        char reply[12];
        std::memcpy(reply, &us, 4);
        std::memcpy(reply + 4, &took, 8);
        socket.send(id, zmq::send_flags::sndmore);
        socket.send(zmq::buffer(reply), zmq::send_flags::none);
    }
}

}  // namespace bench
