// The rows of the fault table: each is a name, what it may run over, and what it does to a stage.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "stage.hpp"

namespace faults {

/// For a manager that is to lose nobody, however busy the machine is: only a crash is noticed soon.
[[nodiscard]] inline words calm(words more) {
    more.insert(more.end(), {"--interval-ms", "1000", "--liveness", "15"});
    return more;
}

struct row {
    std::string name;
    std::string fault;  ///< one line for --list
    bool tcp = true;
    bool ipc = true;
    bool heavy = false;  ///< not under bin/test
    std::function<void(stage&)> play;
};

/// All of them, in the table's order.
[[nodiscard]] const std::vector<row>& rows();

[[nodiscard]] std::vector<row> rows_of_losses();
[[nodiscard]] std::vector<row> rows_of_networks();
[[nodiscard]] std::vector<row> rows_of_peers();

}  // namespace faults
