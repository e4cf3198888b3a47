// What all subcommands let the user choose: how long, how often, where, and where figures go.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace bench {

struct plan {
    double seconds = 0.3;
    int repeats = 5;
    std::string pin = "one";
    std::string json;
    std::string plot;
    bool quick = false;

    /// The same, but tiny: to see that it works, not to measure.
    void be_quick() {
        seconds = 0.05;
        repeats = 1;
    }
};

inline void add_options(CLI::App& to, plan& how) {
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
