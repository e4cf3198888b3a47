// Two network namespaces with a cable between them that nft cuts.
#pragma once

#include <optional>
#include <string>

#include "support/process.hpp"

namespace faults {

class space {
public:
    /// Moves this process into a new namespace, makes a second one, and connects them. Throws
    /// row_skipped that says what is missing. Before any thread is made.
    space();

    /// How this process's side is reached from the other.
    [[nodiscard]] static const char* host() { return "10.77.0.1"; }
    /// What a process has to enter to be on the other side.
    [[nodiscard]] std::string far_side() const;

    enum class direction { both, from_far_side, to_far_side };
    void cut(direction which);
    void heal();

private:
    std::optional<maus_test::process> keeper_;  // holds the other namespace
};

}  // namespace faults
