// Asks a parkserver what it knows, with a socket that lives as long as the question.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "maus/base/time.hpp"
#include "maus/status.hpp"
#include "maus/wire/control.hpp"
#include "maus/wire/elastic.hpp"
#include "maus/wire/request_label.hpp"

namespace maus::shell {

/// All pages of an answer.
struct told_status {
    wire::status rows;
    std::vector<wire::elastic_status> ranges;    ///< of the elastic requests among them
    std::vector<wire::labelled_request> labels;  ///< of the requests that have one
};

/// Waits for the answer. Throws as maus::fetch_status() does.
[[nodiscard]] told_status query_status(const std::string& endpoint, base::duration timeout,
                                       std::stop_token stop);
/// The answer without the types of the wire.
[[nodiscard]] parkserver_status public_status(told_status&& whole);

}  // namespace maus::shell
