#include "bench/commands.hpp"

#include "bench/machine.hpp"
#include "bin/support/program.hpp"

namespace bench {

CLI::App& add_benchmark(CLI::App& to, plan& how, const std::string& name, const std::string& what,
                        const std::string& examples) {
    CLI::App& made = *to.add_subcommand(name, what);
    maus::programs::prepare(made, examples);
    made.add_option("--seconds", how.seconds, "Length of one run")
        ->check(maus::programs::is_within(0.001, 3600))
        ->capture_default_str();
    made.add_option("--repeats", how.repeats, "Runs of each system, in turn")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    made.add_option("--pin", how.pin, "one: all processes on one processor (repeats best); free")
        ->check(CLI::IsMember({"one", "free"}))
        ->capture_default_str();
    made.add_option("--json", how.json, "Write the figures to this file");
    made.add_option("--plot", how.plot, "Draw the figures into this folder, by gnuplot");
    made.add_flag("--quick", how.quick, "A tiny run, to see that it works");
    return made;
}

void add_numbers(CLI::App& to, const std::string& option, std::vector<std::size_t>& numbers,
                 const std::string& what, std::size_t least, std::size_t most) {
    to.add_option(option, numbers, what)->check(CLI::Range(least, most))->capture_default_str();
}

int run_benchmark(plan how, const std::string& name,
                  const std::function<void(const plan&, report&)>& measure) {
    if (how.quick) how.be_quick();
    report out(how, name);
    place(how.pin);
    measure(how, out);
    out.finish();
    return maus::programs::exit_good;
}

}  // namespace bench
