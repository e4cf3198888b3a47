// `maus-demo primes`: has primes found, adds them up as they come, and compares.

#include <algorithm>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "bin/demo/commands.hpp"
#include "bin/demo/primes.hpp"
#include "bin/demo/report.hpp"
#include "bin/demo/spread.hpp"
#include "bin/support/program.hpp"
#include "bin/support/text.hpp"

namespace demo {

namespace {

using namespace maus::programs;

/// Small jobs are cut finer, so that every worker gets some.
std::vector<number_range> ranges_below(std::uint64_t to, std::uint32_t workers) {
    const std::uint64_t shares = std::max(workers, 4u) * std::uint64_t{20};
    const std::uint64_t width = std::clamp<std::uint64_t>(to / shares, 1000, 10'000'000);
    std::vector<number_range> all;
    for (std::uint64_t from = 0; from < to; from += width) {
        all.push_back({from, std::min(from + width, to)});
    }
    return all;
}

class prime_job final : public job {
public:
    explicit prime_job(std::vector<number_range> ranges)
        : ranges_(std::move(ranges)), found_(ranges_.size()) {}

    [[nodiscard]] std::string title() const override { return "sieving"; }
    [[nodiscard]] std::size_t calls() const override { return ranges_.size(); }
    [[nodiscard]] std::uint64_t size_of(std::size_t call) const override {
        return ranges_[call].to - ranges_[call].from;
    }
    [[nodiscard]] std::string size_text(std::uint64_t size) const override {
        return grouped(size) + " numbers";
    }
    void make(std::size_t call, maus::worker_group& workers, messenger bring) override {
        found& its = found_[call];
        (void)workers.call(find_primes, ranges_[call])
            .for_each([&its](const found_primes& some) {
                its.by = some.by;
                for (const std::uint64_t prime : some.primes) its.totals.add(prime);
            })
            .then([&its, bring = std::move(bring)](maus::future<void> end) {
                bring([&its, end = std::make_shared<maus::future<void>>(std::move(end))] {
                    end->get();
                    return its.by;
                });
            });
    }

    /// The call, by this process itself.
    void make_alone(std::size_t call) {
        for (const auto& some : primes_in(ranges_[call])) {
            for (const std::uint64_t prime : some) found_[call].totals.add(prime);
        }
    }
    [[nodiscard]] prime_totals totals() const {
        prime_totals all;
        for (const auto& each : found_) all.add(each.totals);
        return all;
    }

private:
    struct found {
        prime_totals totals;
        doer by;  // the last one, if its worker was lost
    };
    std::vector<number_range> ranges_;
    std::vector<found> found_;
};

/// Nothing: Ctrl-C.
std::optional<check_result> check(const prime_totals& done, const primes_options& options,
                                  const stop_signals& signals) {
    prime_job alone(ranges_below(options.to, options.workers));
    check_result checked;
    if (!in_one_process(
            alone, options.json, signals, [&](std::size_t call) { alone.make_alone(call); },
            checked.seconds)) {
        return std::nullopt;
    }
    const prime_totals right = alone.totals();
    if (!(done == right)) {
        checked.differences.push_back(counted(done.count, "prime") + ", and in one process " +
                                      counted(right.count, "prime"));
    }
    return checked;
}

std::string totals_text(const prime_totals& all, const primes_options& options, double seconds) {
    std::string text = counted(all.count, "prime") + " below " + grouped(options.to) + " in " +
                       seconds_text(seconds);
    if (all.count > 0) text += ", the largest " + grouped(all.last);
    text += '\n';
    if (all.gap > 0) {
        text += counted(all.twins, "pair") + " of twins; the widest gap is " + grouped(all.gap) +
                ", after " + grouped(all.gap_after) + '\n';
    }
    return text;
}

std::string report_json(const prime_totals& all, const spread_result& by,
                        const primes_options& options, const std::optional<check_result>& checked) {
    nlohmann::ordered_json to{{"below", options.to}, {"primes", all.count},
                              {"largest", all.last}, {"twins", all.twins},
                              {"gap", all.gap},      {"gap_after", all.gap_after}};
    add_result(to, by, "numbers");
    if (checked) add_check(to, *checked, by);
    return to.dump(2, ' ', true) + '\n';
}

}  // namespace

int primes(const primes_options& options, stop_signals& signals) {
    prime_job work(ranges_below(options.to, options.workers));
    const std::string about =
        "looking for the primes below " + grouped(options.to) + ", on " + workers_text(options);
    const auto done = spread_out(work, options, about, signals);
    if (!done) return exit_failed;
    const prime_totals all = work.totals();
    if (!options.json) {
        std::cout << '\n'
                  << shares_text(*done, "numbers", grouped)
                  << totals_text(all, options, done->seconds) << killed_text(*done, options.kill)
                  << std::flush;
    }
    std::optional<check_result> checked;
    if (options.check) {
        checked = check(all, options, signals);
        if (!checked) return told_of_stop(options);
        if (!options.json) std::cout << check_text(*checked, *done, "primes");
    }
    if (options.json) std::cout << report_json(all, *done, options, checked);
    return checked && !checked->differences.empty() ? exit_failed : exit_good;
}

}  // namespace demo
