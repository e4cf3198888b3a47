// What all jobs tell when they are done, and the comparison with one process.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "bin/demo/spread.hpp"

namespace demo {

/// The job again, in this process alone.
struct check_result {
    std::vector<std::string> differences;  ///< empty: the same result
    double seconds = 0;
};

/// Does the job call by call, with `make`, and measures that. False: Ctrl-C.
[[nodiscard]] bool in_one_process(const job& work, bool quiet,
                                  const maus::programs::stop_signals& signals,
                                  const std::function<void(std::size_t call)>& make,
                                  double& seconds);
/// Tells that Ctrl-C came during the check; the exit code.
[[nodiscard]] int told_of_stop(const job_options& options);

/// "3 workers", "the workers at tcp://..."
[[nodiscard]] std::string workers_text(const job_options& options);
[[nodiscard]] std::string seconds_text(double seconds);
/// Who did how much, in a table. `unit` is what sizes are of.
[[nodiscard]] std::string shares_text(const spread_result& done, const std::string& unit,
                                      const std::function<std::string(std::uint64_t)>& size_text);
[[nodiscard]] std::string killed_text(const spread_result& done, std::uint32_t to_kill);
/// Whether they ("totals") are the same, and in the last line how much faster the workers were.
[[nodiscard]] std::string check_text(const check_result& check, const spread_result& done,
                                     const std::string& results);

/// The members that all jobs have; `unit` is that of the workers' shares.
void add_result(nlohmann::ordered_json& to, const spread_result& done, const std::string& unit);
void add_check(nlohmann::ordered_json& to, const check_result& check, const spread_result& done);

}  // namespace demo
