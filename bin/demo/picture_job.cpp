// `maus-demo picture`: has the picture drawn tile by tile, shows it, and compares.

#include <fstream>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>

#include "bin/demo/commands.hpp"
#include "bin/demo/picture.hpp"
#include "bin/demo/report.hpp"
#include "bin/demo/spread.hpp"
#include "bin/support/program.hpp"
#include "bin/support/text.hpp"

namespace demo {

namespace {

using namespace maus::programs;

constexpr std::uint32_t columns_shown = 64;

class picture_job final : public job {
public:
    explicit picture_job(std::uint32_t width) : drawn_(width), tiles_(drawn_.tiles()) {}

    [[nodiscard]] std::string title() const override { return "drawing"; }
    [[nodiscard]] std::size_t calls() const override { return tiles_.size(); }
    [[nodiscard]] std::uint64_t size_of(std::size_t call) const override {
        return std::uint64_t{tiles_[call].width} * tiles_[call].height;
    }
    [[nodiscard]] std::string size_text(std::uint64_t size) const override {
        return grouped(size) + " pixels";
    }
    void make(std::size_t call, maus::worker_group& workers, messenger bring) override {
        bring_when_ready(
            workers.call(draw_tile, tiles_[call]), std::move(bring),
            [this, call](const drawn_tile& answer) { drawn_.put(tiles_[call], answer.pixels); });
    }

    /// The call, by this process itself.
    void make_alone(std::size_t call) { drawn_.put(tiles_[call], draw(tiles_[call])); }
    [[nodiscard]] const canvas& drawn() const { return drawn_; }

private:
    canvas drawn_;
    std::vector<tile> tiles_;
};

/// Nothing: Ctrl-C.
std::optional<check_result> check(const picture_job& done, const picture_options& options,
                                  const stop_signals& signals) {
    picture_job alone(options.width);
    check_result checked;
    if (!in_one_process(
            alone, options.json, signals, [&](std::size_t call) { alone.make_alone(call); },
            checked.seconds)) {
        return std::nullopt;
    }
    if (const auto unlike = done.drawn().pixels_unlike(alone.drawn()); unlike > 0) {
        checked.differences.push_back(counted(unlike, "pixel") + " of " + grouped(done.size()));
    }
    return checked;
}

void write_picture(const canvas& drawn, const std::string& path) {
    std::ofstream file(path, std::ios::binary);
    file << drawn.as_pgm();
    if (!file.flush()) throw failure("cannot write " + path);
}

std::string totals_text(const picture_job& done, const spread_result& by) {
    return counted(done.size(), "pixel") + " in " + counted(by.calls, "call") + " in " +
           seconds_text(by.seconds) + '\n';
}

std::string report_json(const picture_job& done, const spread_result& by,
                        const std::optional<check_result>& checked) {
    nlohmann::ordered_json all{{"width", done.drawn().width()},
                               {"height", done.drawn().height()},
                               {"pixels", done.size()}};
    add_result(all, by, "pixels");
    if (checked) add_check(all, *checked, by);
    return all.dump(2, ' ', true) + '\n';
}

}  // namespace

int picture(const picture_options& options, stop_signals& signals) {
    picture_job work(options.width);
    const std::string about = "drawing the Mandelbrot set, " + grouped(work.drawn().width()) +
                              " x " + grouped(work.drawn().height()) + " pixels, on " +
                              workers_text(options);
    const auto done = spread_out(work, options, about, signals);
    if (!done) return exit_failed;
    if (!options.output.empty()) write_picture(work.drawn(), options.output);
    if (!options.json) {
        std::cout << '\n'
                  << work.drawn().as_text(columns_shown) << '\n'
                  << shares_text(*done, "pixels", grouped) << totals_text(work, *done)
                  << killed_text(*done, options.kill) << std::flush;
    }
    std::optional<check_result> checked;
    if (options.check) {
        checked = check(work, options, signals);
        if (!checked) return told_of_stop(options);
        if (!options.json) std::cout << check_text(*checked, *done, "pixels");
    }
    if (options.json) std::cout << report_json(work, *done, checked);
    return checked && !checked->differences.empty() ? exit_failed : exit_good;
}

}  // namespace demo
