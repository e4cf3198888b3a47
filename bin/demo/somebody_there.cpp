#include <algorithm>
#include <condition_variable>
#include <exception>
#include <iostream>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include <maus/status.hpp>

#include "bin/demo/commands.hpp"
#include "bin/support/text.hpp"

namespace demo {

namespace {

/// Asks all at once, each on a thread of its own: none waits for another that is dead.
class inquiry {
public:
    explicit inquiry(const std::vector<std::string>& parkservers) : left_(parkservers.size()) {
        why_not_.resize(parkservers.size());
        for (std::size_t i = 0; i < parkservers.size(); ++i) {
            asking_.emplace_back([this, i, endpoint = parkservers[i]] { ask(i, endpoint); });
        }
    }
    ~inquiry() { stop(); }
    inquiry(const inquiry&) = delete;
    inquiry& operator=(const inquiry&) = delete;

    void stop() { stop_.request_stop(); }
    /// Whether one has answered; waits until then, or until nobody will any more.
    [[nodiscard]] bool wait() {
        std::unique_lock lock(guard_);
        changed_.wait(lock, [this] { return answered_ || left_ == 0; });
        return answered_;
    }
    /// Of all that have not answered. After wait().
    [[nodiscard]] std::string why_not() const {
        std::string all;
        for (const auto& each : why_not_) all += (all.empty() ? "" : "\n") + each;
        return all;
    }

private:
    void ask(std::size_t which, const std::string& endpoint) {
        std::string why;
        try {
            (void)maus::fetch_status(endpoint, parkserver_timeout, stop_.get_token());
        } catch (const std::exception& failed) {
            why = failed.what();
        }
        const std::lock_guard lock(guard_);
        answered_ = answered_ || why.empty();
        why_not_[which] = std::move(why);
        --left_;
        changed_.notify_all();
    }

    std::stop_source stop_;
    std::mutex guard_;
    std::condition_variable changed_;
    std::vector<std::string> why_not_;
    std::size_t left_;
    bool answered_ = false;
    std::vector<std::jthread> asking_;  // last: they use the others
};

}  // namespace

bool somebody_is_there(const std::vector<std::string>& parkservers,
                       maus::programs::stop_signals& signals) {
    if (parkservers.empty()) return true;
    std::vector<std::string> each_once;
    for (const auto& one : parkservers) {
        if (std::ranges::find(each_once, one) == each_once.end()) each_once.push_back(one);
    }
    inquiry all(each_once);
    const auto stopping = signals.on_stop([&] { all.stop(); });
    if (all.wait()) return true;
    if (signals.asked()) return false;
    throw maus::error(maus::errc::deadline_exceeded, all.why_not());
}

void say_if_nobody_is_there(const std::vector<std::string>& parkservers,
                            maus::programs::stop_signals& signals) {
    try {
        (void)somebody_is_there(parkservers, signals);
    } catch (const maus::error& failed) {
        std::cerr << "maus-demo: " << maus::programs::shown_lines(failed.what())
                  << "\nmaus-demo: waiting for " << (parkservers.size() == 1 ? "it" : "one of them")
                  << '\n';
    }
}

}  // namespace demo
