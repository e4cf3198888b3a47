// `maus-demo wordcount`: starts what is needed, has the job done, and tells.

#include <unistd.h>

#include <iostream>
#include <optional>

#include <maus/parkserver.hpp>
#include <maus/status.hpp>

#include "bin/demo/commands.hpp"
#include "bin/demo/job.hpp"
#include "bin/demo/report.hpp"
#include "bin/support/log_lines.hpp"
#include "bin/support/program.hpp"
#include "bin/support/terminal.hpp"
#include "bin/support/text.hpp"

namespace demo {

namespace {

using maus::programs::counted;
using maus::programs::exit_failed;
using maus::programs::exit_good;

int told_of_stop(double share_done) {
    std::cerr << "maus-demo wordcount: stopped, with " << static_cast<int>(share_done * 100)
              << " % counted\n";
    return exit_failed;
}

std::string what_is_to_do(const wordcount_options& options, const std::vector<piece>& files) {
    return "counting the words of " + counted(files.size(), "file") + ", " +
           maus::programs::bytes_text(bytes_of(files)) + ", on " +
           (options.workers > 0 ? counted(options.workers, "worker")
                                : "the workers at " + options.parkserver);
}

/// Nothing: Ctrl-C.
std::optional<check_result> check(const job_result& done, const std::vector<piece>& files,
                                  const wordcount_options& options,
                                  const maus::programs::stop_signals& signals) {
    constexpr std::size_t files_a_step = 100;
    progress bar("checking", bytes_of(files), options.json);
    const auto begun = std::chrono::steady_clock::now();
    word_counts alone;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < files.size(); i += files_a_step) {
        if (signals.asked()) return std::nullopt;
        const auto end = std::min(files.size(), i + files_a_step);
        const std::vector<piece> step(files.begin() + static_cast<std::ptrdiff_t>(i),
                                      files.begin() + static_cast<std::ptrdiff_t>(end));
        count(step, alone);
        bytes += bytes_of(step);
        bar.show(bytes, "one process");
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    return check_result{differences(done.found, alone), took.count()};
}

/// The job, with a parkserver and workers that live as long as it does.
std::optional<job_result> have_it_done(const wordcount_options& options,
                                       const std::vector<piece>& files, double& share_done,
                                       maus::programs::stop_signals& signals) {
    std::optional<maus::parkserver> park;
    std::string parkserver = options.parkserver;
    if (parkserver.empty()) {
        park.emplace(
            maus::parkserver_options{.bind = {"tcp://127.0.0.1:*"},
                                     .log = maus::programs::log_lines(maus::log_level::warning)});
        park->start();
        parkserver = park->endpoint();
    } else {
        // Says what is wrong if nobody is there; otherwise we would wait until somebody is.
        try {
            ask_who_is_there(parkserver, signals);
        } catch (const maus::error&) {
            if (signals.asked()) return std::nullopt;
            throw;
        }
    }
    if (!options.json) std::cout << what_is_to_do(options, files) << std::endl;
    children own;
    for (std::uint32_t i = 0; i < options.workers; ++i) {
        own.start({"word-worker", "--parkserver", parkserver, "--type", options.type});
    }
    job counting(options, files, parkserver, own, signals);
    auto done = counting.run();
    share_done = counting.share_done();
    return done;
}

}  // namespace

void ask_who_is_there(const std::string& parkserver, maus::programs::stop_signals& signals) {
    std::stop_source stop;
    const auto stopping = signals.on_stop([&] { stop.request_stop(); });
    (void)maus::fetch_status(parkserver, parkserver_patience, stop.get_token());
}

int wordcount(const wordcount_options& options, maus::programs::stop_signals& signals) {
    const auto files = list_files(options.paths);
    double share_done = 0;
    const auto done = have_it_done(options, files, share_done, signals);
    if (!done) return told_of_stop(share_done);
    if (done->found.total.unreadable == files.size()) {
        throw maus::programs::failure("no file under " + options.paths.front() + " can be read");
    }
    if (!options.json) std::cout << '\n' << report_text(*done, options) << std::flush;

    std::optional<check_result> checked;
    if (options.check) {
        checked = check(*done, files, options, signals);
        if (!checked) return told_of_stop(1);
        if (!options.json) std::cout << check_text(*checked);
    }
    if (options.json) std::cout << report_json(*done, options, checked);
    return checked && !checked->differences.empty() ? exit_failed : exit_good;
}

}  // namespace demo
