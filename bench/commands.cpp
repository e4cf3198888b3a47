#include "bench/commands.hpp"

namespace bench {

void add_options(CLI::App& to, plan& how) {
    to.add_option("--seconds", how.seconds, "Length of one run")
        ->check(CLI::Range(0.001, 3600.0))
        ->capture_default_str();
    to.add_option("--repeats", how.repeats, "Runs of each system, in turn")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    to.add_option("--pin", how.pin, "one: all processes on one processor (repeats best); free")
        ->check(CLI::IsMember({"one", "free"}))
        ->capture_default_str();
    to.add_option("--json", how.json, "Write the figures to this file");
    to.add_option("--plot", how.plot, "Draw the figures into this folder, by gnuplot");
    to.add_flag("--quick", how.quick, "A tiny run, to see that it works");
}

}  // namespace bench
