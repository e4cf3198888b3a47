#include "bench/peers.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <functional>
#include <iostream>
#include <stdexcept>

#include "bench/commands.hpp"
#include "bench/programs.hpp"

namespace bench {

namespace {

struct peer_system {
    std::string name;      // maus-bench-NAME has its client and its server
    std::string broker;    // a program between the two, if it has one
    std::string packages;  // that it wants
    std::function<system_under_test(const peer_system&, const setting&)> start;
};

// Beside this program, if its library was there when that was built.
std::string program_of(const std::string& system) { return find_neighbour("maus-bench-" + system); }

sockaddr_in on_this_machine(std::uint16_t port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(port);
    made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return made;
}

// That nobody has at the moment.
std::string free_port() {
    sockaddr_in where = on_this_machine(0);
    socklen_t size = sizeof where;
    auto* address = reinterpret_cast<sockaddr*>(&where);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool good = bind(fd, address, size) == 0 && getsockname(fd, address, &size) == 0;
    close(fd);
    if (!good) throw std::runtime_error("there is no free port");
    return std::to_string(ntohs(where.sin_port));
}

// Until somebody listens there.
void await_listener(const std::string& port) {
    const sockaddr_in where = on_this_machine(static_cast<std::uint16_t>(std::stoi(port)));
    for (const double end = now_s() + 20; now_s() < end;) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int made = connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where);
        close(fd);
        if (made == 0) return;
        const timespec moment{0, 5'000'000};
        nanosleep(&moment, nullptr);
    }
    throw std::runtime_error("nobody listens at port " + port);
}

// Its processes: a broker, if there is one, then a server and a client, which are told the port.
system_under_test started(const peer_system& what, const setting& how, words broker,
                          std::string port) {
    std::vector<child> all;
    if (!broker.empty()) {
        all.push_back(child::program(std::move(broker)));
        await_listener(port);
    }
    const std::string window = std::to_string(how.window), program = program_of(what.name);
    all.push_back(child::program({program, "server", port, window}));
    port = all.back().hear();
    all.push_back(child::program({program, "client", port, window, std::to_string(how.bytes)}));
    return system_under_test(std::move(all));
}

const std::vector<peer_system>& all_systems() {
    static const std::vector<peer_system> all = {
        {"gearman", "gearmand", "gearman-job-server libgearman-dev",
         [](const peer_system& self, const setting& how) {
             const std::string port = free_port();
             return started(self, how,
                            {find_program(self.broker), "--listen", "127.0.0.1", "--port", port,
                             "--log-file", "/dev/null"},
                            port);
         }},
        {"nats", "nats-server", "nats-server libnats-dev",
         [](const peer_system& self, const setting& how) {
             const std::string port = free_port();
             return started(
                 self, how,
                 {find_program(self.broker), "-a", "127.0.0.1", "-p", port, "-l", "/dev/null"},
                 port);
         }},
        {"grpc",
         {},
         "libgrpc++-dev",
         [](const peer_system& self, const setting& how) { return started(self, how, {}, "0"); }},
    };
    return all;
}

// Why it cannot be measured here; empty if it can.
std::string missing(const peer_system& what) {
    if (!what.broker.empty() && find_program(what.broker).empty()) {
        return what.broker + " is not installed (apt-get install " + what.packages + ")";
    }
    if (program_of(what.name).empty()) {
        return what.name +
               ": its library was not there when maus-bench was built (apt-get install " +
               what.packages + ", and build again)";
    }
    return {};
}

struct peers_choice {
    std::vector<std::size_t> windows{1, 100, 1000};
    std::vector<std::size_t> sizes{8};
    plan how;
};

void run_peers(const peers_choice& what, const plan& how, report& out) {
    for (const auto& each : all_systems()) {
        if (const auto why = missing(each); !why.empty()) std::cerr << "skipped: " << why << '\n';
    }
    for (const auto size : what.sizes)
        for (const auto window : what.windows)
            out.add_calls(measure_peers({"tcp", size, window, 1}, how));
}

}  // namespace

std::vector<figure> measure_peers(const setting& what, const plan& how) {
    const std::string name = name_of("peers", what);
    std::vector<std::pair<std::string, system_under_test>> references;
    references.emplace_back(name + ".relay", maus_relay(what));
    for (const auto& each : all_systems()) {
        if (missing(each).empty()) {
            references.emplace_back(name + '.' + each.name, each.start(each, what));
        }
    }
    return measure_systems(how, maus_echo(what), std::move(references));
}

command add_peers(CLI::App& to) {
    auto what = std::make_shared<peers_choice>();
    CLI::App& app =
        add_benchmark(to, what->how, "peers", "The same echo by gearman, NATS and gRPC",
                      "  maus-bench peers\n"
                      "  maus-bench peers --window 100 --bytes 1024\n\n"
                      "Measured are those that are installed; the others are named. Lines "
                      "that end in .relay are\n"
                      "beside our own echo through a parkserver: gearman and NATS have a "
                      "server in between, too.");
    add_numbers(app, "--window", what->windows, "Calls outstanding at a time", 1, 10'000);
    add_numbers(app, "--bytes", what->sizes, "Payload", 8, 1 << 16);
    return [what] {
        return run_benchmark(what->how, "peers",
                             [&](const plan& now, report& out) { run_peers(*what, now, out); });
    };
}

}  // namespace bench
