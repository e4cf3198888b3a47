// What `maus-demo wordcount` prints when it is done.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bin/demo/job.hpp"

namespace demo {

/// The count again, in this process alone.
struct check_result {
    std::vector<std::string> differences;  ///< empty: the same totals
    double seconds = 0;
};
[[nodiscard]] std::vector<std::string> differences(const word_counts& workers,
                                                   const word_counts& alone);

[[nodiscard]] std::string report_text(const job_result& done, const wordcount_options& options);
[[nodiscard]] std::string check_text(const check_result& check);
[[nodiscard]] std::string report_json(const job_result& done, const wordcount_options& options,
                                      const std::optional<check_result>& check);

}  // namespace demo
