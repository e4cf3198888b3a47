#include "bench/instructions.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "bench/child.hpp"
#include "bench/commands.hpp"
#include "bench/machine.hpp"
#include "bench/report.hpp"
#include "bin/support/program.hpp"

namespace bench {

namespace {

std::string counted_program() {
    std::array<char, 4096> self{};
    if (readlink("/proc/self/exe", self.data(), self.size() - 1) < 0) {
        throw std::runtime_error("cannot find this program");
    }
    return std::string(self.data()) + "-counted";
}

// What a run of so many rounds executes, from the start of its process to the end.
double count(std::size_t rounds, std::size_t window) {
    const std::string log = scratch_folder() + "/callgrind.log";
    child::program({"valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                    "--log-file=" + log, counted_program(), std::to_string(rounds),
                    std::to_string(window)})
        .wait();
    std::ifstream said(log);
    const std::string key = "Collected : ";
    for (std::string line; std::getline(said, line);) {
        const auto at = line.find(key);
        if (at != std::string::npos) return std::stod(line.substr(at + key.size()));
    }
    throw std::runtime_error("valgrind did not say what it counted; see what it says: " + log);
}

// Of two lengths, so that what begins and ends a process, and the first rounds, which make memory,
// do not count.
sample per_call(std::size_t window) {
    const std::size_t few = window == 1 ? 200 : 10 + 2000 / window, many = 4 * few;
    const double more = count(many, window) - count(few, window);
    if (more <= 0) throw std::runtime_error("the exchange did not take place");
    return {{"instructions_per_call", more / static_cast<double>((many - few) * window)}};
}

int run(plan how) {
    if (!valgrind_installed()) {
        throw maus::programs::failure("valgrind is not installed; bin/setup installs it");
    }
    report out(how, "instructions");
    out.add(measure_instructions(how));
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

std::vector<figure> measure_instructions(const plan& how) {
    std::vector<figure> all;
    for (const std::size_t window : {1, 100, 1000}) {
        const auto figures = side_by_side("instructions.exchange.8B.w" + std::to_string(window),
                                          how, [window] { return per_call(window); });
        all.insert(all.end(), figures.begin(), figures.end());
    }
    return all;
}

command add_instructions(CLI::App& to) {
    auto how = std::make_shared<plan>();
    how->repeats = 1;
    CLI::App& app =
        add_benchmark(to, *how, "instructions",
                      "Instructions a call in the state machines, by callgrind (valgrind)",
                      "  maus-bench instructions\n\n"
                      "A manager's and a worker's machine call each other in one thread: "
                      "what they execute is always\nthe same, whatever else the machine "
                      "does.");
    app.remove_option(app.get_option("--seconds"));
    return [how] { return run(*how); };
}

}  // namespace bench
