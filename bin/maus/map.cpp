// maus map: a call for each line of stdin, a line of stdout for each result.
//
// The main thread reads lines and makes calls, as many at a time as there is room for. Results are
// written on the manager's callback thread, so that they come out while stdin is silent. A reader of
// stdout that is slow holds all of it up, and so does a slow line, in time: what has come and must wait
// for the results of the lines before it takes room, too.
//
// In order, a line that fails ends it as a loop over maus::map() would: at its turn, once the results of
// the lines before are written. Nothing more is read meanwhile.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <iostream>
#include <mutex>

#include <maus/json.hpp>
#include <maus/manager.hpp>
#include <maus/status.hpp>
#include <maus/wire/message.hpp>

#include "bin/maus/calling.hpp"
#include "bin/maus/function.hpp"
#include "bin/maus/line_order.hpp"
#include "bin/support/input_lines.hpp"
#include "bin/support/program.hpp"
#include "bin/support/progress_line.hpp"
#include "bin/support/stop_signals.hpp"

namespace maus::cli {

namespace {

constexpr std::size_t calls_max = 1024;
// Of lines that were read and whose results have not been written: how many, and the bytes of those
// under way and of the results that wait.
constexpr std::size_t lines_max = 16 * calls_max;
constexpr std::size_t bytes_max = 64u << 20;
constexpr std::uint64_t none = ~std::uint64_t{0};

/// Bytes of stdin; 0 if it is no file and they are not known.
std::uint64_t bytes_of_input() {
    struct stat about {};
    const bool is_file = fstat(STDIN_FILENO, &about) == 0 && S_ISREG(about.st_mode);
    return is_file ? static_cast<std::uint64_t>(about.st_size) : 0;
}

/// What is under way, what was written, and what failed.
class mapping {
public:
    mapping(const call_choices& chosen, std::size_t most, programs::input_lines& input)
        : chosen_(chosen),
          most_(most),
          input_(input),
          order_(chosen.skip + 1, chosen.unordered),
          progress_(chosen.function, bytes_of_input()) {}

    /// Waits for room for one more. False: it is over, or about to be.
    [[nodiscard]] bool begin(std::size_t bytes) {
        std::unique_lock lock(guard_);
        room_.wait(lock, [&] {
            return over_ || first_bad_ != none ||
                   (calls_ < most_ && unwritten_ < std::max(lines_max, most_) &&
                    (unwritten_ == 0 || bytes_ + bytes <= bytes_max));
        });
        if (over_ || first_bad_ != none) return false;
        ++calls_;
        ++unwritten_;
        bytes_ += bytes;
        return true;
    }
    void done(std::uint64_t line, std::size_t bytes, const value& result) {
        finish(line, bytes, to_json(result, -1, true));
    }
    void failed(std::uint64_t line, std::size_t bytes, const value::error& why) {
        const std::lock_guard lock(guard_);
        if (over_ || line > first_bad_) return;
        ++failures_;
        progress_.tell("maus map: line " + std::to_string(line) + ": " +
                       wire::printable(why.message, why.message.size() + 1));
        if (chosen_.keep_going) return write(line, bytes, to_json(value(why), -1, true));
        first_bad_ = line;
        --calls_;
        input_.stop();
        room_.notify_all();
        if (chosen_.unordered || is_turn_of_bad()) end();
    }
    /// Nothing more is read: waits for what is under way.
    void wait() {
        std::unique_lock lock(guard_);
        room_.wait(lock, [&] { return over_ || unwritten_ == 0; });
    }
    /// Nothing more is written.
    void stop() {
        const std::lock_guard lock(guard_);
        end();
    }
    [[nodiscard]] std::uint64_t failures() {
        const std::lock_guard lock(guard_);
        return failures_;
    }
    [[nodiscard]] bool is_over() {
        const std::lock_guard lock(guard_);
        return over_;
    }
    /// Lines from the first one on that have been read and written, those skipped among them.
    [[nodiscard]] std::uint64_t written() {
        const std::lock_guard lock(guard_);
        return chosen_.skip + written_;
    }

private:
    void finish(std::uint64_t line, std::size_t bytes, std::string text) {
        const std::lock_guard lock(guard_);
        if (!over_) write(line, bytes, std::move(text));
    }
    void write(std::uint64_t line, std::size_t bytes, std::string text) {
        --calls_;
        bytes_ -= bytes;
        bytes_ += text.size();
        for (const std::string& ready : order_.came(line, std::move(text))) {
            std::cout << ready << '\n';
            bytes_ -= ready.size();
            --unwritten_;
            ++written_;
        }
        bytes_read_ += bytes + 1;
        if (calls_ == 0) std::cout << std::flush;
        if (!std::cout || is_turn_of_bad()) return end();
        progress_.show(bytes_read_, written_, failures_);
        room_.notify_all();
    }
    [[nodiscard]] bool is_turn_of_bad() const {
        return first_bad_ != none && chosen_.skip + written_ + 1 == first_bad_;
    }
    void end() {
        over_ = true;
        input_.stop();
        std::cout << std::flush;
        progress_.erase();
        room_.notify_all();
    }

    const call_choices& chosen_;
    const std::size_t most_;
    programs::input_lines& input_;
    std::mutex guard_;
    std::condition_variable room_;
    bool over_ = false;
    std::uint64_t first_bad_ = none;  // line that failed and ends it
    std::size_t calls_ = 0;
    std::size_t unwritten_ = 0;  // those under way among them
    std::size_t bytes_ = 0;
    std::uint64_t bytes_read_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t failures_ = 0;
    line_order order_;
    programs::progress_line progress_;
};

/// A line is the argument if there is one; else, and for a dynamic function, an array is all of them.
arguments arguments_in(const std::string& line, std::size_t parameters) {
    value read = from_json(line);
    if (parameters == 1 || (parameters == dynamic && !read.is(value_kind::array))) {
        return arguments{std::move(read)};
    }
    if (!read.is(value_kind::array)) {
        throw error(errc::bad_arguments, "the function has " + std::to_string(parameters) +
                                             " parameters: write an array of its arguments");
    }
    return arguments(std::move(read.as_array()));
}

value::error told(const error& why) { return {std::string(to_string(why.code())), why.what()}; }

/// A line that only has blanks is none.
bool is_blank(const std::string& line) { return line.find_first_not_of(" \t\r") == line.npos; }

/// Why stdin cannot be read; empty if all was read, or enough.
std::string call_for_lines(const call_choices& chosen, const detail::caller& workers,
                           std::size_t parameters, programs::input_lines& input, mapping& all) {
    std::string line;
    for (std::uint64_t number = 1;; ++number) {
        try {
            if (!input.next(line)) return {};
        } catch (const programs::failure& unread) {
            return unread.what();
        }
        if (number <= chosen.skip) continue;
        const std::size_t bytes = line.size();
        if (!all.begin(bytes)) return {};
        try {
            if (is_blank(line)) throw error(errc::bad_arguments, "the line is empty");
            auto result = workers.call<value>(chosen.function, arguments_in(line, parameters));
            (void)result.then([&all, number, bytes](future<value> ready) {
                try {
                    all.done(number, bytes, ready.get());
                } catch (const error& why) {
                    all.failed(number, bytes, told(why));
                }
            });
        } catch (const error& why) {
            all.failed(number, bytes, told(why));
        }
    }
}

}  // namespace

int map(const call_choices& chosen) {
    programs::stop_signals signals;
    std::ios::sync_with_stdio(false);
    const auto now = fetch_status(chosen.parkserver, chosen.answer_within);
    const auto found = find_function(now, chosen.function, chosen.type);
    const function_choice& to = choose_for_map(found);
    const std::size_t parameters = parameters_of(to.signature);

    programs::input_lines input(STDIN_FILENO);
    mapping all(chosen, chosen.jobs == 0 ? calls_max : chosen.jobs, input);
    manager caller;  // goes before what its callbacks refer to
    const auto stopping = signals.on_stop([&] {
        all.stop();
        caller.stop();
    });
    std::string trouble;
    try {
        caller.connect_parkserver(chosen.parkserver);
        // More workers than calls at a time would be of no use. Those that are busy now may join later.
        const auto most = static_cast<std::uint32_t>(chosen.jobs);
        const auto workers = caller.get_workers({.min = 1, .max = most, .type = to.type});
        trouble = call_for_lines(chosen, workers.with({.timeout = chosen.timeout}), parameters,
                                 input, all);
        all.wait();
    } catch (const error&) {
        if (!signals.asked()) throw;
    }
    const bool whole = !all.is_over() && trouble.empty();
    all.stop();
    if (!whole && signals.asked()) trouble = "stopped";
    if (!whole && !chosen.unordered && std::cout) {
        trouble += (trouble.empty() ? "" : "; ");
        trouble += "go on with --skip " + std::to_string(all.written());
    }
    if (!trouble.empty()) std::cerr << "maus map: " << trouble << '\n';
    return whole && all.failures() == 0 ? programs::exit_good : programs::exit_failed;
}

}  // namespace maus::cli
