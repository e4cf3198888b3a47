#include "maus/parkserver.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "broker/core/parkserver.hpp"
#include "maus/net/clock.hpp"
#include "maus/net/process.hpp"
#include "maus/net/reactor.hpp"
#include "maus/shell/own_loops.hpp"
#include "maus/shell/program_code.hpp"
#include "maus/shell/published.hpp"
#include "maus/version.hpp"

namespace maus {

class parkserver::implementation final : public net::driven, public shell::own_loop {
public:
    explicit implementation(parkserver_options options)
        : options_(std::move(options)),
          settings_{options_.limits, wire::own_features()},
          outbox_(settings_),
          reactor_(
              settings_,
              [this](log_level level, const std::string& text) {
                  shell::log_safely(options_.log, level, text);
              },
              *this) {
        if (options_.bind.empty()) {
            throw error(errc::invalid_argument, "a parkserver needs an endpoint to bind");
        }
        for (const auto& each : options_.bind) endpoints_.push_back(reactor_.sockets().bind(each));
        base::random random(net::random_seed());
        broker::parkserver_config config;
        config.id = base::parkserver_id::make(random);
        config.epoch = net::wall_us();
        config.beat = core::heartbeat::of(options_.heartbeat);
        config.settings = settings_;
        config.version = maus::version;
        config.logs = options_.log != nullptr;
        machine_.emplace(std::move(config), net::clock_now());
    }
    ~implementation() override {
        stop();
        if (thread_.joinable()) thread_.join();
        while (loop_ && process_events()) {
        }
    }

    [[nodiscard]] const std::vector<std::string>& endpoints() const { return endpoints_; }
    [[nodiscard]] parkserver_metrics metrics() const { return metrics_.get(); }

    void run() {
        if (begin()) loop();
    }
    void start() {
        // Its log function is the program's.
        if (begin()) thread_ = net::spawn([this] { loop(); }, mask_);
    }
    [[nodiscard]] bool is_own_thread() {
        if (hosted_) return loop_ && loop_->is_inside();
        const std::lock_guard lock(guard_);
        return loop_thread_ == std::this_thread::get_id();
    }
    void stop() {
        stop_asked_ = true;
        reactor_.wake();
        if (hosted_ || is_own_thread()) return;
        std::unique_lock lock(guard_);
        stopped_.wait(lock, [this] { return !looping_; });
    }

    // --- in a loop of the program's own
    [[nodiscard]] int fd() {
        begin_hosted();
        return reactor_.fd();
    }
    bool process_events() {
        begin_hosted();
        const shell::loop_member::turn its(*loop_);
        if (!its.is_mine()) return true;  // its log function asks
        return !said_goodbye_ && reactor_.process_events();
    }
    [[nodiscard]] int loop_fd() override { return reactor_.fd(); }
    bool process_loop() override { return process_events(); }

    // --- net::driven
    void on(net::input event, base::instant now) override {
        if (auto* message = std::get_if<core::received>(&event)) {
            machine_->on(std::move(*message), now, outbox_);
        } else if (const auto* gone = std::get_if<core::down>(&event)) {
            machine_->on(*gone, now, outbox_);
        }
    }
    void take_queued(base::instant) override {
        if (stop_asked_ && !said_goodbye_) {
            machine_->stop(outbox_);
            said_goodbye_ = true;
        }
    }
    void step(base::instant now, base::instant time) override {
        // While there are messages unread time stands still. Who is to be served waits as well: a
        // worker that is free again is often heard before its manager's `cancel`, and would be
        // offered in vain to the request that it has just served.
        if (time != stepped_) machine_->advance_to(time, outbox_);
        stepped_ = time;
        take_queued(now);
        publish_metrics();
    }
    [[nodiscard]] core::outbox& outbox() override { return outbox_; }
    [[nodiscard]] bool has_queued() const override { return stop_asked_ && !said_goodbye_; }
    [[nodiscard]] base::instant next_deadline() const override { return machine_->next_deadline(); }
    [[nodiscard]] bool finished() const override { return said_goodbye_; }

private:
    void publish_metrics() {
        const auto& counted = machine_->counters();
        metrics_.set({.registrations = counted.registrations,
                      .grants = counted.grants,
                      .workers_lost = counted.workers_lost,
                      .managers_lost = counted.managers_lost,
                      .relayed = counted.relayed,
                      .violations = counted.violations,
                      .unimplemented = counted.unimplemented});
    }
    bool begin() {
        const std::lock_guard lock(guard_);
        if (looping_ || hosted_ || said_goodbye_)
            throw error(errc::invalid_argument, "maus::parkserver: it runs, or it ran");
        looping_ = true;
        return true;
    }
    void begin_hosted() {
        if (loop_) return;
        {
            const std::lock_guard lock(guard_);
            if (looping_ || said_goodbye_) {
                throw error(errc::invalid_argument,
                            "maus::parkserver: it runs in a thread, or ran");
            }
            hosted_ = true;
        }
        loop_.emplace(*this, false);
        reactor_.sockets().wake();  // the program's loop is to see that there is something to do
    }
    void loop() {
        {
            const std::lock_guard lock(guard_);
            loop_thread_ = std::this_thread::get_id();
        }
        reactor_.run();
        {
            const std::lock_guard lock(guard_);
            looping_ = false;
            loop_thread_ = {};
        }
        stopped_.notify_all();
    }

    parkserver_options options_;
    base::settings settings_;
    core::outbox outbox_;
    net::reactor reactor_;
    std::optional<broker::parkserver> machine_;
    std::vector<std::string> endpoints_;
    shell::published<parkserver_metrics> metrics_;
    std::atomic<bool> stop_asked_{false};
    bool said_goodbye_ = false;
    base::instant stepped_{};
    std::thread thread_;
    std::mutex guard_;
    std::condition_variable stopped_;
    std::thread::id loop_thread_;
    const net::signal_mask mask_ = net::current_mask();
    bool looping_ = false;
    std::atomic<bool> hosted_{false};
    std::optional<shell::loop_member> loop_;
};

parkserver::parkserver(parkserver_options options)
    : self_(std::make_unique<implementation>(std::move(options))) {}
parkserver::~parkserver() {
    // Its log function has called exit(), and the parkserver is a static object.
    if (self_->is_own_thread()) (void)self_.release();
}

std::string parkserver::endpoint() const { return self_->endpoints().front(); }
std::vector<std::string> parkserver::endpoints() const { return self_->endpoints(); }
parkserver_metrics parkserver::metrics() const { return self_->metrics(); }
void parkserver::run() { self_->run(); }
void parkserver::start() { self_->start(); }
void parkserver::stop() { self_->stop(); }
int parkserver::fd() { return self_->fd(); }
bool parkserver::process_events() { return self_->process_events(); }

}  // namespace maus
