// `maus-demo integrate`: passes a function to workers that integrate it, and compares.

#include <array>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "bin/demo/commands.hpp"
#include "bin/demo/integral.hpp"
#include "bin/demo/report.hpp"
#include "bin/demo/spread.hpp"
#include "bin/support/program.hpp"
#include "bin/support/text.hpp"

namespace demo {

namespace {

using namespace maus::programs;

constexpr std::size_t stretches = 64;

class integral_job final : public job {
public:
    explicit integral_job(const integrate_options& options)
        : curve_(curve_named(options.curve)),
          parabolas_(options.parabolas),
          areas_(stretches),
          function_(options.by_name ? curve_function(maus::named(curve_.name))
                                    : curve_function([this](double x) {
                                          ++asked_;
                                          return curve_.at(x);
                                      })) {}

    [[nodiscard]] std::string title() const override { return "integrating"; }
    [[nodiscard]] std::size_t calls() const override { return stretches; }
    [[nodiscard]] std::uint64_t size_of(std::size_t) const override { return parabolas_; }
    [[nodiscard]] std::string size_text(std::uint64_t size) const override {
        return grouped(size) + " parabolas";
    }
    void make(std::size_t call, maus::worker_group& workers, messenger bring) override {
        bring_when_ready(workers.call(integrate_stretch, part(call), function_), std::move(bring),
                         [this, call](const area& found) { areas_[call] = found.value; });
    }

    /// The call, by this process itself.
    void make_alone(std::size_t call) {
        std::vector<double> values = places_in(part(call));
        for (double& each : values) each = curve_.at(each);
        areas_[call] = area_under(part(call), values);
    }
    /// In the order of the parts: the same whoever did them.
    [[nodiscard]] double value() const {
        double sum = 0;
        for (const double each : areas_) sum += each;
        return sum;
    }
    [[nodiscard]] const curve& what() const { return curve_; }
    /// How often the workers called back.
    [[nodiscard]] std::uint64_t asked() const { return asked_; }

private:
    [[nodiscard]] stretch part(std::size_t call) const {
        const double width = (curve_.to - curve_.from) / stretches;
        const double from = curve_.from + width * static_cast<double>(call);
        return {from, from + width, parabolas_};
    }

    const curve& curve_;
    std::uint32_t parabolas_;
    std::vector<double> areas_;
    std::atomic<std::uint64_t> asked_{0};  // callables run on several threads
    curve_function function_;
};

std::string number_text(const char* format, double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), format, value);
    return text.data();
}

/// Nothing: Ctrl-C.
std::optional<check_result> check(const integral_job& done, const integrate_options& options,
                                  const stop_signals& signals) {
    integral_job alone(options);
    check_result checked;
    if (!in_one_process(
            alone, options.json, signals, [&](std::size_t call) { alone.make_alone(call); },
            checked.seconds)) {
        return std::nullopt;
    }
    if (done.value() != alone.value()) {
        checked.differences.push_back(number_text("%.17g", done.value()) + ", and in one process " +
                                      number_text("%.17g", alone.value()));
    }
    return checked;
}

std::string totals_text(const integral_job& done, const spread_result& by) {
    const curve& integrand = done.what();
    return "the integral of " + integrand.text + " from " + number_text("%.4g", integrand.from) +
           " to " + number_text("%.4g", integrand.to) + " is " +
           number_text("%.12f", done.value()) + ", off by " +
           number_text("%.1e", std::abs(done.value() - integrand.exact)) + "\n" +
           (done.asked() > 0
                ? "the workers asked this process for " + counted(done.asked(), "value")
                : std::string("the workers knew the function by its name")) +
           ", in " + seconds_text(by.seconds) + '\n';
}

std::string report_json(const integral_job& done, const spread_result& by,
                        const std::optional<check_result>& checked) {
    nlohmann::ordered_json all{{"curve", done.what().name},
                               {"integral", done.value()},
                               {"exact", done.what().exact},
                               {"asked", done.asked()}};
    add_result(all, by, "parabolas");
    if (checked) add_check(all, *checked, by);
    return all.dump(2, ' ', true) + '\n';
}

}  // namespace

int integrate(const integrate_options& options, stop_signals& signals) {
    integral_job work(options);
    const std::string about = "integrating " + work.what().text + " on " + workers_text(options);
    const auto done = spread_out(work, options, about, signals);
    if (!done) return exit_failed;
    if (!options.json) {
        std::cout << '\n'
                  << shares_text(*done, "parabolas", grouped) << totals_text(work, *done)
                  << killed_text(*done, options.kill) << std::flush;
    }
    std::optional<check_result> checked;
    if (options.check) {
        checked = check(work, options, signals);
        if (!checked) return told_of_stop(options);
        if (!options.json) std::cout << check_text(*checked, *done, "integral");
    }
    if (options.json) std::cout << report_json(work, *done, checked);
    return checked && !checked->differences.empty() ? exit_failed : exit_good;
}

}  // namespace demo
