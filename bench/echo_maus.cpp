#include <maus/maus.hpp>

#include <cstdlib>
#include <deque>
#include <stdexcept>

#include "bench/child.hpp"
#include "bench/echo.hpp"

namespace bench {

namespace {
constexpr maus::method<std::string(std::string)> echo_method{"echo"};

class echo_by_maus final : public echo {
public:
    explicit echo_by_maus(const setting& what)
        : what_(what), payload_(what.bytes > 4 ? what.bytes - 4 : 0, 'x') {
        workers_ = manager_.get_workers({.amount = static_cast<std::uint32_t>(what.workers)});
        for (std::size_t i = 0; i < what.workers; ++i) {
            servers_.push_back(std::make_unique<child>(
                std::vector<std::string>{"serve-maus", manager_.endpoint()}));
        }
        if (!workers_.wait_for(what.workers, std::chrono::seconds{20})) {
            throw std::runtime_error("the benchmark's workers did not come");
        }
    }

    sample run(double seconds) override {
        std::vector<int> pids;
        for (const auto& each : servers_) pids.push_back(each->pid());
        struct pending {
            maus::future<std::string> result;
            double at;
        };
        std::deque<pending> window;
        stopwatch watch(pids);
        double now = now_s();
        const double end = now + seconds;
        while (now < end || !window.empty()) {
            while (now < end && window.size() < what_.window) {
                window.push_back({workers_.call(echo_method, payload_), now});
            }
            if (window.front().result.get().size() != payload_.size()) std::abort();
            now = now_s();
            watch.record((now - window.front().at) * 1e6);
            window.pop_front();
        }
        return watch.finish();
    }

private:
    setting what_;
    std::string payload_;  // with its count, `bytes` on the wire
    maus::manager manager_{"tcp://127.0.0.1:*"};
    std::vector<std::unique_ptr<child>> servers_;
    maus::workers workers_;
};
}  // namespace

std::unique_ptr<echo> maus_echo(const setting& what) {
    return std::make_unique<echo_by_maus>(what);
}

void serve_maus_echo(const std::string& endpoint) {
    maus::worker worker;
    worker.expose(echo_method, [](std::string text) { return text; });
    worker.connect(endpoint);
    worker.run();
    std::exit(0);
}

}  // namespace bench
