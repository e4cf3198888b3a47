// The options of the gateway, which maus-parkserver and maus-gateway share.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "broker/web/gateway.hpp"

namespace maus::programs {

/// `given`: becomes true with --web; null: it has a default.
void add_web_options(CLI::App& app, web::gateway_options& chosen, bool* given);

/// The lines that say where to open a browser.
[[nodiscard]] std::string web_addresses(const web::gateway& door);
[[nodiscard]] std::string web_addresses_of(const web::gateway_options& options);

}  // namespace maus::programs
