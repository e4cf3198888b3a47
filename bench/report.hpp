// Where figures go: lines on stdout as they come, and at the end a file of JSON and drawings, if
// they are wished for.
#pragma once

#include <fstream>
#include <vector>

#include "bench/figure.hpp"

namespace bench {

class report {
public:
    /// Opens what it will write first: nobody likes to wait for a measurement that cannot be kept.
    report(const plan& how, std::string benchmark);

    /// Prints each figure on a line of its own.
    void add(const std::vector<figure>& figures);
    /// Prints all metrics of one setting on one line, as system_under_test::run has them.
    void add_calls(const std::vector<figure>& figures);
    /// Prints nothing; they are for the file.
    void keep(const std::vector<figure>& figures);
    /// Prints a remark, between the lines.
    void remark(const std::string& text) const;

    /// Writes the JSON and the drawings.
    void finish();
    [[nodiscard]] const std::vector<figure>& figures() const { return figures_; }

private:
    std::string benchmark_, json_path_, plot_folder_;
    std::ofstream json_;
    std::vector<figure> figures_;
    bool headed_ = false;
};

/// Three or four digits that count, with the commas of thousands: "1,694,845", "87.4", "0.0123".
[[nodiscard]] std::string short_number(double value);

}  // namespace bench
