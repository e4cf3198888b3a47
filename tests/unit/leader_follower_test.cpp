// Who leads when: nobody who waits is left without anybody who looks for what it waits for.
#include "maus/shell/leader_follower.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "maus/net/clock.hpp"
#include "support/gate.hpp"
#include "support/wait.hpp"

namespace net = maus::net;
namespace base = maus::base;
using maus_test::eventually;

namespace {
/// Carries out what is queued, and answers a question a moment later: as if the network had.
class answering final : public net::driven {
public:
    using command = std::function<void(base::instant)>;

    void queue(command next) {
        const std::lock_guard lock(guard_);
        queue_.push_back(std::move(next));
    }
    void queue_question() {
        queue([this](base::instant now) { due_ = base::after(now, std::chrono::milliseconds{1}); });
    }
    void queue_end() {
        queue([this](base::instant) { finished_ = true; });
    }
    [[nodiscard]] bool answered() const { return answered_; }

    void on(net::input, base::instant) override {}
    void take_queued(base::instant now) override {
        std::unique_lock lock(guard_);
        const auto commands = std::exchange(queue_, {});
        lock.unlock();
        for (const auto& each : commands) each(now);
    }
    void step(base::instant now, base::instant) override {
        take_queued(now);
        if (now < due_) return;
        due_ = base::never;
        answered_ = true;
    }
    maus::core::outbox& outbox() override { return out_; }
    [[nodiscard]] bool has_queued() const override {
        const std::lock_guard lock(guard_);
        return !queue_.empty();
    }
    [[nodiscard]] base::instant next_deadline() const override { return due_; }
    [[nodiscard]] bool finished() const override { return finished_; }

    const base::settings settings{};

private:
    maus::core::outbox out_{settings};
    base::instant due_ = base::never;  // by the leader
    std::atomic<bool> answered_{false}, finished_{false};
    mutable std::mutex guard_;
    std::vector<command> queue_;
};

/// With an I/O thread that does not look by itself while it stands by: only after longer than any test
/// takes.
struct scene {
    answering machine;
    net::reactor reactor{machine.settings, [](maus::log_level, const std::string&) {}, machine};
    maus::shell::leader_follower drive{reactor, machine, std::chrono::hours{1}};
    std::thread io_thread{[this] { drive.run(); }};
    maus_test::gate holds_up;

    ~scene() {
        holds_up.open();
        machine.queue_end();
        drive.call_io_thread();
        io_thread.join();
    }
    void ask() {
        machine.queue_question();
        drive.queued_came(false);
    }
    /// Whether it came in vain: another thread leads.
    [[nodiscard]] bool is_refused() {
        bool led = false;
        drive.lead_while_waiting([&] { return led = true; }, base::never);
        return !led;
    }
    /// The leader has woken a waiter, and does not go on yet.
    void wake_a_waiter() {
        machine.queue([this](base::instant) {
            drive.woke_a_waiter();
            holds_up.pass();
        });
        drive.queued_came(false);
        REQUIRE(holds_up.wait_for_arrivals(1));
    }
};
}  // namespace

TEST_CASE("a woken thread that asks again while the I/O thread leads gets its answer") {
    scene all;
    SECTION("what it asks is taken before the I/O thread leaves") {
        all.machine.queue_question();
        all.wake_a_waiter();
    }
    SECTION("what it asks is taken after that") {
        all.wake_a_waiter();
        all.ask();
    }
    REQUIRE(all.is_refused());
    all.holds_up.open();
    CHECK(eventually([&] { return all.machine.answered(); }));
}

TEST_CASE("a waiter that came in vain gets its answer when the one that led leaves") {
    scene all;
    all.wake_a_waiter();
    all.holds_up.open();  // the I/O thread leaves, and stands by
    maus_test::gate leads;
    std::atomic<bool> is_done{false};
    // Whoever came before that would come in vain, and the I/O thread would go on.
    REQUIRE(eventually([&] { return !all.drive.is_led(); }));
    std::thread first([&] {
        all.drive.lead_while_waiting(
            [&] {
                leads.open();
                return is_done.load();
            },
            base::never);
    });
    leads.pass();
    all.ask();
    const bool was_refused = all.is_refused();
    is_done = true;
    all.machine.queue([](base::instant) {});
    all.drive.queued_came(false);
    first.join();
    CHECK(was_refused);
    CHECK(eventually([&] { return all.machine.answered(); }));
}
