// What all subcommands let the user choose: how long, how often, where, and where figures go.
#pragma once

#include <string>

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

}  // namespace bench
