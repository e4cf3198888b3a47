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

enum class over { both, tcp_only };
enum class weight {
    light,
    heavy
};  ///< heavy: thousands of connections, or minutes; not under bin/test

struct row {
    std::string name;
    std::string fault;  ///< one line for --list
    std::function<void(stage&)> play;
    over transports = over::both;
    weight is = weight::light;

    [[nodiscard]] bool runs_over(transport which) const {
        return which == transport::tcp || transports == over::both;
    }
};

/// All of them, in the table's order.
[[nodiscard]] const std::vector<row>& rows();

[[nodiscard]] std::vector<row> rows_of_losses();
[[nodiscard]] std::vector<row> rows_of_networks();
[[nodiscard]] std::vector<row> rows_of_peers();
[[nodiscard]] std::vector<row> rows_of_workers();
[[nodiscard]] std::vector<row> rows_of_storms();
[[nodiscard]] std::vector<row> rows_of_attacks();
[[nodiscard]] std::vector<row> rows_of_floods();
[[nodiscard]] std::vector<row> rows_of_clocks();

}  // namespace faults
