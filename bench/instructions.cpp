#include "bench/instructions.hpp"

#include <maus/maus.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <stdexcept>
#include <zmq.hpp>

#include "bench/commands.hpp"
#include "bench/machine.hpp"
#include "bench/report.hpp"
#include "bin/support/program.hpp"

namespace bench {

namespace {

const std::string payload(4, 'x');  // 8 bytes with its count

// A role under callgrind. What it counted is known when it has ended.
class counted {
public:
    counted(const std::string& role, const words& arguments)
        : log_(scratch_folder() + "/callgrind." + std::to_string(number_++)),
          process_(child::program(command(role, arguments))) {}
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
    [[nodiscard]] words command(const std::string& role, const words& arguments) const {
        std::array<char, 4096> self{};
        if (readlink("/proc/self/exe", self.data(), self.size() - 1) < 0) {
            throw std::runtime_error("cannot find this program");
        }
        words made{"valgrind",
                   "--tool=callgrind",
                   "--callgrind-out-file=/dev/null",
                   "--log-file=" + log_,
                   self.data(),
                   "role",
                   role};
        made.insert(made.end(), arguments.begin(), arguments.end());
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

// One system: what its client and its server are called, and who binds.
double count_maus(const setting& what, std::size_t calls) {
    const words client{std::to_string(calls), std::to_string(what.window)};
    if (what.manager) {
        counted manager("count-maus-client", client);
        const child worker("maus-server", {"connect", manager.process().hear()});
        return manager.instructions();
    }
    child manager("count-maus-client", client);
    counted worker("maus-server", {"connect", manager.hear()});
    (void)manager.hear(300);
    worker.process().signal(SIGTERM);
    return worker.instructions();
}
double count_zmq(const setting& what, std::size_t calls) {
    words client{std::to_string(calls), std::to_string(what.window)};
    const words server{"tcp://127.0.0.1:*", "single"};
    if (what.manager) {
        child worker("zmq-server", server);
        client.push_back(worker.hear());
        return counted("count-zmq-client", client).instructions();
    }
    counted worker("zmq-server", server);
    client.push_back(worker.process().hear());
    child manager("count-zmq-client", client);
    (void)manager.hear(300);
    worker.process().signal(SIGTERM);
    return worker.instructions();
}

// Of two runs of different length, so that what begins and ends a process does not count.
template <class Count>
sample per_call(Count count, const setting& what) {
    const std::size_t few = what.window == 1 ? 300 : 5000, many = 4 * few;
    const double more = count(what, many) - count(what, few);
    return {{"instructions_per_call", more / static_cast<double>(many - few)}};
}

std::vector<figure> measure(const plan& how, bool alone) {
    std::vector<figure> all;
    for (const bool manager : {true, false}) {
        for (const std::size_t window : {1, 100, 1000}) {
            const setting what{manager, window};
            const std::string name = std::string("instructions.") +
                                     (manager ? "manager" : "worker") + ".8B.w" +
                                     std::to_string(window);
            std::function<sample()> reference;
            if (!alone) reference = [&] { return per_call(count_zmq, what); };
            const auto figures = side_by_side(
                name, how, [&] { return per_call(count_maus, what); }, reference);
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

template <class Call, class Settle>
void make_calls(const words& arguments, Call call, Settle settle) {
    const auto calls = std::stoul(arguments.at(0)), window = std::stoul(arguments.at(1));
    std::size_t made = 0, settled = 0;
    while (settled < calls) {
        for (; made < calls && made - settled < window; ++made) call();
        settle();
        ++settled;
    }
    answer("done");
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

void role_count_maus_client(const words& arguments) {
    maus::manager manager{"tcp://127.0.0.1:*"};
    auto workers = manager.get_workers({.amount = 1});
    answer(manager.endpoint());
    if (!workers.wait_for(1, std::chrono::seconds{60})) throw std::runtime_error("no worker came");
    std::deque<maus::future<std::string>> waiting;
    make_calls(
        arguments, [&] { waiting.push_back(workers.call<std::string>("echo", payload)); },
        [&] {
            (void)waiting.front().get();
            waiting.pop_front();
        });
}

void role_count_zmq_client(const words& arguments) {
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::linger, 0);
    socket.connect(arguments.at(2));
    make_calls(
        arguments,
        [&] {
            const std::string whole = "1234" + payload;
            socket.send(zmq::buffer(whole), zmq::send_flags::none);
        },
        [&] {
            zmq::message_t reply;
            (void)socket.recv(reply);
        });
}

command add_instructions(CLI::App& to) {
    auto how = std::make_shared<plan>();
    how->repeats = 3;
    CLI::App& app = add_benchmark(
        to, *how, "instructions", "Instructions a call by callgrind (valgrind), manager and worker",
        "  maus-bench instructions --repeats 1\n\n"
        "They repeat within a few percent, whatever else the machine does.");
    app.remove_option(app.get_option("--seconds"));
    auto alone = std::make_shared<bool>(false);
    app.add_flag("--alone", *alone, "Without libzmq beside it");
    return [how, alone] { return run(*how, *alone); };
}

}  // namespace bench
