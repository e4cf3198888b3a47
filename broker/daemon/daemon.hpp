// What maus-parkserver and maus-gateway have in common.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "maus/options.hpp"

namespace maus::programs {

struct log_choices {
    std::string least = "info";
    std::string format = "text";
};
void add_log_options(CLI::App& app, log_choices& chosen);
[[nodiscard]] log_function log_of(const log_choices& chosen);

/// Takes as many descriptors as the system allows, and says so if that is little. `what_for`: "one for
/// each worker".
void raise_descriptor_limit(const log_function& log, const std::string& what_for);

/// Whoever started us may wait for this line. If he went, others need us all the same; but if it
/// cannot be written, nobody would know where we are, and false is returned.
[[nodiscard]] bool say_ready(const std::string& lines);

}  // namespace maus::programs
