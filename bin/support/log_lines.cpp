#include "bin/support/log_lines.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include <maus/wire/message.hpp>
#include <nlohmann/json.hpp>

#include "bin/support/log_queue.hpp"

namespace maus::programs {

namespace {

constexpr std::chrono::seconds flush_time_max{1};

std::string time_text(std::chrono::system_clock::time_point at, bool utc) {
    using namespace std::chrono;
    const std::time_t seconds = system_clock::to_time_t(floor<std::chrono::seconds>(at));
    const auto ms = duration_cast<milliseconds>(at.time_since_epoch()).count() % 1000;
    std::tm parts{};
    utc ? gmtime_r(&seconds, &parts) : localtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    const std::size_t length =
        std::strftime(text.data(), text.size(), utc ? "%FT%T" : "%F %T", &parts);
    std::snprintf(text.data() + length, text.size() - length, utc ? ".%03dZ" : ".%03d",
                  static_cast<int>(ms));
    return text.data();
}

std::string as_text(const log_line& line) {
    std::string all = time_text(line.at, false) + " ";
    all += to_string(line.level);
    all.resize(std::max<std::size_t>(all.size(), 32), ' ');
    return all + wire::printable(line.text, log_queue::line_bytes_max) + '\n';
}

std::string as_json(const log_line& line) {
    const nlohmann::ordered_json all{
        {"time", time_text(line.at, true)}, {"level", to_string(line.level)}, {"text", line.text}};
    return all.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + '\n';
}

/// Waits as long as it takes. False: it cannot be written.
bool write_all(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
        if (written >= 0) {
            text.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {  // whoever shares it with us has made it non-blocking
            pollfd writable{STDERR_FILENO, POLLOUT, 0};
            (void)::poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/// The queue and the thread that empties it. The thread shares the ownership: if a write never
/// returns, it is left behind at the end.
class log_writer {
public:
    explicit log_writer(log_format format) : format_(format) {}

    static std::thread start(const std::shared_ptr<log_writer>& writer) {
        // Signals are for the others, and SIGPIPE is for nobody: write() tells. Not those that a
        // thread's own fault raises: blocked, they would end the process without its handler.
        sigset_t others, before;
        sigfillset(&others);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
            sigdelset(&others, fault);
        }
        pthread_sigmask(SIG_SETMASK, &others, &before);
        std::thread made([writer] { writer->run(); });
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return made;
    }

    void add(log_level level, std::string_view text) {
        const std::lock_guard lock(guard_);
        const bool idle = queue_.empty();
        try {
            queue_.add({level, std::chrono::system_clock::now(),
                        std::string(text.substr(0, log_queue::line_bytes_max))},
                       std::chrono::steady_clock::now());
        } catch (const std::bad_alloc&) {
            queue_.lost(1);
        }
        if (idle && !queue_.empty()) changed_.notify_all();
    }

    /// True: all is written, and the thread ends.
    bool finish() {
        std::unique_lock lock(guard_);
        ending_ = true;
        changed_.notify_all();
        return changed_.wait_for(lock, flush_time_max, [this] { return ended_; });
    }

private:
    void run() {
        std::unique_lock lock(guard_);
        for (;;) {
            wait(lock);
            queue_.advance_to(std::chrono::steady_clock::now());
            if (ending_) queue_.end_second();
            if (ending_ && queue_.empty()) break;
            write_out(lock);
        }
        ended_ = true;
        changed_.notify_all();
    }

    void wait(std::unique_lock<std::mutex>& lock) {
        const auto due = [this] { return ending_ || !queue_.empty(); };
        if (const auto deadline = queue_.next_deadline()) {
            changed_.wait_until(lock, *deadline, due);
        } else {
            changed_.wait(lock, due);
        }
    }

    void write_out(std::unique_lock<std::mutex>& lock) {
        const auto lines = queue_.take();
        lock.unlock();
        std::uint64_t lost = 0;
        for (const auto& line : lines) {
            // Each in one piece, so that it is never mixed with another process's.
            const bool written =
                write_all(format_ == log_format::json ? as_json(line) : as_text(line));
            if (!written) lost += line.stands_for;
        }
        lock.lock();
        queue_.lost(lost);
    }

    const log_format format_;
    std::mutex guard_;
    std::condition_variable changed_;
    log_queue queue_;
    bool ending_ = false;
    bool ended_ = false;
};

/// What the copies of one log function share.
class log_thread {
public:
    explicit log_thread(log_format format)
        : writer_(std::make_shared<log_writer>(format)), thread_(log_writer::start(writer_)) {}
    log_thread(const log_thread&) = delete;
    log_thread& operator=(const log_thread&) = delete;
    ~log_thread() {
        if (writer_->finish()) {
            thread_.join();
        } else {
            thread_.detach();
        }
    }
    void add(log_level level, std::string_view text) { writer_->add(level, text); }

private:
    std::shared_ptr<log_writer> writer_;
    std::thread thread_;
};

}  // namespace

log_function log_lines(log_level least, log_format format) {
    return [least, log = std::make_shared<log_thread>(format)](log_level level,
                                                               std::string_view text) {
        if (level >= least) log->add(level, text);
    };
}

}  // namespace maus::programs
