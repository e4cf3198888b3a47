#include "bench/report.hpp"

#include <cmath>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "bench/plot.hpp"
#include "bench/progress.hpp"
#include "bin/support/program.hpp"
#include "bin/support/text.hpp"

namespace bench {

std::string short_number(double value) {
    if (std::isnan(value)) return "-";
    if (std::abs(value) >= 1000) {
        const std::string digits =
            maus::programs::grouped(static_cast<std::uint64_t>(std::abs(value) + 0.5));
        return (value < 0 ? "-" : "") + digits;
    }
    std::ostringstream text;
    const int places = std::abs(value) >= 100 ? 0 : std::abs(value) >= 10 ? 1 : 2;
    text << std::fixed << std::setprecision(std::abs(value) < 0.1 && value != 0 ? 4 : places)
         << value;
    return text.str();
}

report::report(const plan& how, std::string benchmark)
    : benchmark_(std::move(benchmark)), json_path_(how.json), plot_folder_(how.plot) {
    if (!plot_folder_.empty()) prepare_plots(plot_folder_);
    if (json_path_.empty()) return;
    json_.open(json_path_);
    if (!json_) throw maus::programs::failure("cannot write " + json_path_);
}

namespace {
std::string fixed(double value, int places) {
    if (std::isnan(value)) return "-";
    std::ostringstream text;
    text << std::fixed << std::setprecision(places) << value;
    return text.str();
}
std::string ratio_text(const figure& what) {
    return std::isnan(what.ratio) ? "-" : fixed(what.ratio, 2);
}
std::string pair_text(const figure& what) {
    return short_number(what.ours) + " / " + short_number(what.reference);
}
}  // namespace

void report::add(const std::vector<figure>& figures) {
    progress::clear();
    if (!std::exchange(headed_, true)) {
        std::cout << std::left << std::setw(44) << "what, ours beside the reference"
                  << std::setw(30) << "metric" << std::right << std::setw(8) << "ratio"
                  << std::setw(8) << "+-" << std::setw(15) << "ours" << std::setw(15) << "reference"
                  << '\n';
    }
    for (const auto& each : figures) {
        std::cout << std::left << std::setw(44) << each.name << std::setw(30) << each.metric
                  << std::right << std::setw(8) << ratio_text(each) << std::setw(8)
                  << (std::isnan(each.ratio) ? short_number(each.spread) : fixed(each.spread, 2))
                  << std::setw(15) << short_number(each.ours) << std::setw(15)
                  << short_number(each.reference) << std::endl;
    }
    keep(figures);
}

void report::add_calls(const std::vector<figure>& figures) {
    progress::clear();
    if (!std::exchange(headed_, true)) {
        std::cout << "ours / the reference; ratio: calls a second; cpu x: processor time a call; "
                     "memory: peak, all processes, MB\n"
                  << std::left << std::setw(40) << "what" << std::right << std::setw(6) << "ratio"
                  << std::setw(6) << "+-" << std::setw(24) << "calls/s" << std::setw(18) << "p50 us"
                  << std::setw(18) << "p99 us" << std::setw(18) << "p99.9 us" << std::setw(7)
                  << "cpu x" << std::setw(14) << "memory" << '\n';
    }
    const std::size_t metrics = 6;
    for (std::size_t at = 0; at + metrics <= figures.size(); at += metrics) {
        const figure* row = &figures[at];
        const double mega = 1e6;
        std::cout << std::left << std::setw(40) << row[0].name << std::right << std::setw(6)
                  << ratio_text(row[0]) << std::setw(6) << fixed(row[0].spread, 2) << std::setw(24)
                  << pair_text(row[0]) << std::setw(18) << pair_text(row[1]) << std::setw(18)
                  << pair_text(row[2]) << std::setw(18) << pair_text(row[3]) << std::setw(7)
                  << ratio_text(row[4]) << std::setw(14)
                  << fixed(row[5].ours / mega, 0) + " / " + fixed(row[5].reference / mega, 0)
                  << std::endl;
    }
    keep(figures);
}

void report::keep(const std::vector<figure>& figures) {
    figures_.insert(figures_.end(), figures.begin(), figures.end());
}

void report::remark(const std::string& text) const {
    progress::clear();
    std::cout << text << std::endl;
}

void report::finish() {
    if (!json_path_.empty()) {
        auto all = nlohmann::json::array();
        for (const auto& each : figures_) {
            all.push_back({{"name", each.name},
                           {"metric", each.metric},
                           {"ours", each.ours},
                           {"reference", each.reference},
                           {"ratio", each.ratio},
                           {"spread", each.spread},
                           {"pin", each.pin}});
        }
        json_ << all.dump(2) << '\n';  // NaN becomes null
        if (!json_.flush()) throw maus::programs::failure("cannot write " + json_path_);
    }
    if (!plot_folder_.empty()) remark(draw(plot_folder_, benchmark_, figures_));
}

}  // namespace bench
