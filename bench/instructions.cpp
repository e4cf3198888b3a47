#include "bench/instructions.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <stdexcept>
#include <zmq.hpp>

#include "bench/commands.hpp"
#include "bench/machine.hpp"
#include "bench/report.hpp"
#include "bin/support/program.hpp"

namespace bench {

namespace {

constexpr int runs = 3;
constexpr double seconds_max = 3600;  // for what takes seconds, if the machine has time for it
const std::string payload(4, 'x');    // 8 bytes with its count

std::string this_program() {
    std::array<char, 4096> self{};
    if (readlink("/proc/self/exe", self.data(), self.size() - 1) < 0) {
        throw std::runtime_error("cannot find this program");
    }
    return self.data();
}
std::string counted_program() { return this_program() + "-counted"; }

// A program under callgrind. What it counted is known when it has ended.
class counted {
public:
    explicit counted(const words& command)
        : log_(scratch_folder() + "/callgrind." + std::to_string(number_++)),
          process_(child::program(under_callgrind(command))) {}
    [[nodiscard]] child& process() { return process_; }
    [[nodiscard]] double instructions() {
        process_.wait();
        std::ifstream log(log_);
        const std::string key = "Collected : ";
        for (std::string line; std::getline(log, line);) {
            const auto at = line.find(key);
            if (at != std::string::npos) return std::stod(line.substr(at + key.size()));
        }
        throw std::runtime_error("valgrind did not say what it counted; see what it says: " + log_);
    }

private:
    [[nodiscard]] words under_callgrind(const words& command) const {
        words made{"valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                   "--log-file=" + log_};
        made.insert(made.end(), command.begin(), command.end());
        return made;
    }
    static inline int number_ = 0;
    std::string log_;
    child process_;
};

struct setting {
    bool manager = true;  // or the worker
    std::size_t window = 1;
};

// One system: so many rounds of an exchange, a window of calls each.
double count_maus(const setting& of, std::size_t rounds) {
    const std::string program = counted_program(), window = std::to_string(of.window);
    const std::string length = std::to_string(rounds);
    if (of.manager) {
        counted manager({program, "manager", length, window});
        const child worker =
            child::program({program, "fake-worker", manager.process().hear(seconds_max), window});
        return manager.instructions();
    }
    child manager = child::program({program, "fake-manager", length, window});
    counted worker({program, "worker", manager.hear(seconds_max)});
    (void)manager.hear(seconds_max);
    worker.process().signal(SIGTERM);
    return worker.instructions();
}
double count_zmq(const setting& of, std::size_t rounds) {
    words client{std::to_string(rounds), std::to_string(of.window)};
    const words server{this_program(), "role", "zmq-server", "tcp://127.0.0.1:*", "single"};
    const words client_role{this_program(), "role", "count-zmq-client"};
    client.insert(client.begin(), client_role.begin(), client_role.end());
    if (of.manager) {
        child worker = child::program(server);
        client.push_back(worker.hear(seconds_max));
        return counted(client).instructions();
    }
    counted worker(server);
    client.push_back(worker.process().hear(seconds_max));
    child manager = child::program(client);
    (void)manager.hear(seconds_max);
    worker.process().signal(SIGTERM);
    return worker.instructions();
}

// The least of several: whatever disturbs a run makes it longer.
template <class Count>
double least(Count count, const setting& of, std::size_t rounds) {
    double found = count(of, rounds);
    for (int i = 1; i < runs; ++i) found = std::min(found, count(of, rounds));
    return found;
}

// Of two lengths, so that what begins and ends a process, and the first rounds,
// which fill caches, do not count.
template <class Count>
sample per_call(Count count, const setting& of) {
    const std::size_t few = of.window == 1 ? 200 : 10 + 2000 / of.window, many = 4 * few;
    const double more = least(count, of, many) - least(count, of, few);
    return {{"instructions_per_call", more / static_cast<double>((many - few) * of.window)}};
}

std::vector<figure> measure(const plan& how, bool alone) {
    std::vector<figure> all;
    for (const bool manager : {true, false}) {
        for (const std::size_t window : {1, 100, 1000}) {
            const setting of{manager, window};
            const std::string name = std::string("instructions.") +
                                     (manager ? "manager" : "worker") + ".8B.w" +
                                     std::to_string(window);
            std::function<sample()> reference;
            if (!alone) reference = [&] { return per_call(count_zmq, of); };
            const auto figures = side_by_side(
                name, how, [&] { return per_call(count_maus, of); }, reference);
            all.insert(all.end(), figures.begin(), figures.end());
        }
    }
    return all;
}

int run(plan how, bool alone) {
    if (how.quick) how.repeats = 1;
    if (!valgrind_installed()) {
        throw maus::programs::failure("valgrind is not installed; bin/setup installs it");
    }
    report out(how, "instructions");
    place(how.pin);
    out.add(measure(how, alone));
    out.finish();
    return maus::programs::exit_good;
}

}  // namespace

bool valgrind_installed() {
    const pid_t pid = fork();
    if (pid == 0) {
        if (std::freopen("/dev/null", "w", stdout) == nullptr) _exit(127);
        execlp("valgrind", "valgrind", "--version", static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

std::vector<figure> measure_instructions(const plan& how) { return measure(how, false); }

void role_count_zmq_client(const words& arguments) {
    const auto rounds = std::stoul(arguments.at(0)), window = std::stoul(arguments.at(1));
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.connect(arguments.at(2));
    const std::string whole = "1234" + payload;
    for (std::size_t round = 0; round < rounds; ++round) {
        for (std::size_t i = 0; i < window; ++i) {
            socket.send(zmq::buffer(whole), zmq::send_flags::none);
        }
        for (std::size_t i = 0; i < window; ++i) {
            zmq::message_t reply;
            (void)socket.recv(reply);
        }
    }
    answer("done");
}

command add_instructions(CLI::App& to) {
    auto how = std::make_shared<plan>();
    how->repeats = 3;
    CLI::App& app = add_benchmark(to, *how, "instructions",
                                  "Instructions a call by callgrind (valgrind), manager and worker",
                                  "  maus-bench instructions --repeats 1\n\n"
                                  "Of an exchange that is always the same, and in which time "
                                  "stands still: they repeat within a\n"
                                  "percent, whatever else the machine does.");
    app.remove_option(app.get_option("--seconds"));
    auto alone = std::make_shared<bool>(false);
    app.add_flag("--alone", *alone, "Without libzmq beside it");
    return [how, alone] { return run(*how, *alone); };
}

}  // namespace bench
