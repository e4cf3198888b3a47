// maus-bench-counted ROUNDS WINDOW: what `maus-bench instructions` counts.
//
// A manager's and a worker's state machine call each other in one thread: WINDOW calls in one
// message, then their WINDOW results in one message, ROUNDS times. Arguments and results are encoded
// and decoded as in real calls. There is no socket, no thread and no clock, so each run executes the
// very same instructions, whatever else the machine does.
#include <iostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "maus/core/manager.hpp"
#include "maus/core/worker.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/signature.hpp"

namespace {

namespace base = maus::base;
namespace core = maus::core;
namespace wire = maus::wire;

const std::string payload(4, 'x');  // 8 bytes with its count
constexpr core::heartbeat no_heartbeats{3'600'000, 100};
constexpr core::route at_manager{
    1u << 20};  // the worker's connection, as the manager's socket names it
constexpr base::group_id group{1};
constexpr base::method_id echo{0};

core::manager_config manager_config() {
    core::manager_config made;
    base::random random(1);
    made.id = base::manager_id::make(random);
    made.incarnation = {1};
    made.endpoints = {"tcp://127.0.0.1:1"};
    made.beat = no_heartbeats;
    made.seed = 1;
    return made;
}

core::worker_config worker_config(std::size_t window) {
    core::worker_config made;
    base::random random(2);
    made.id = base::worker_id::make(random);
    made.incarnation = {1};
    made.signatures = {wire::signature<std::string, std::string>("echo")};
    // All calls of a window are on their way at a time.
    made.concurrency = static_cast<std::uint32_t>(window);
    made.beat = no_heartbeats;
    made.manager = "tcp://127.0.0.1:1";
    made.seed = 2;
    return made;
}

class exchange {
public:
    explicit exchange(std::size_t window)
        : window_(window),
          manager_(manager_config(), now),
          worker_(worker_config(window), now),
          from_manager_(manager_.config().settings),
          from_worker_(worker_.config().settings) {
        manager_.define(echo, wire::signature<std::string, std::string>("echo"));
        core::add_request wanted;
        wanted.group = group;
        wanted.amount = 1;
        manager_.on(wanted, now, from_manager_);
        worker_.advance_to(now, from_worker_);
        deliver();
        if (manager_.workers_of(group) != 1) throw std::runtime_error("no worker came");
    }

    void round() {
        for (std::size_t i = 0; i < window_; ++i) {
            core::submission call;
            call.group = group;
            call.method = echo;
            call.ticket = i + 1;
            wire::encode(call.payload, payload);
            (void)manager_.on(std::move(call), now, from_manager_);
        }
        manager_.advance_to(now, from_manager_);
        deliver();
        if (settled_ != window_) throw std::runtime_error("a call was not settled");
        settled_ = 0;
    }

private:
    static constexpr core::instant now{std::chrono::hours{1}};

    // What there is to do, and an empty outbox for what that leads to.
    static std::vector<core::outbox::effect> taken(core::outbox& out) {
        auto effects = std::exchange(out.effects(), {});
        out.clear();
        return effects;
    }
    // Until neither has anything more to say.
    void deliver() {
        while (!from_manager_.net.empty() || !from_worker_.net.empty()) {
            for (auto& effect : taken(from_worker_.net)) to_manager(effect);
            manager_.advance_to(now, from_manager_);
            for (auto& effect : taken(from_manager_.net)) to_worker(effect);
            execute();
            worker_.advance_to(now, from_worker_);
        }
    }
    void to_manager(core::outbox::effect& effect) {
        if (auto* said = std::get_if<core::send>(&effect)) {
            manager_.on(core::received{at_manager, std::move(said->message)}, now, from_manager_);
            take_results();
        } else if (const auto* asked = std::get_if<core::open>(&effect)) {
            at_worker_ = asked->to;
            worker_.on(core::up{at_worker_}, now, from_worker_);
        }
    }
    void to_worker(core::outbox::effect& effect) {
        if (auto* said = std::get_if<core::send>(&effect)) {
            worker_.on(core::received{at_worker_, std::move(said->message)}, now, from_worker_);
        }
    }
    void execute() {
        for (auto& job : from_worker_.execute) {
            auto text = std::get<0>(wire::decode<std::string>(job.payload.view()).value());
            core::job_value value;
            wire::encode(value.payload, text);
            worker_.on(core::job_done{job.link, job.attempt, false, std::move(value)}, now,
                       from_worker_);
        }
        from_worker_.execute.clear();
    }
    void take_results() {
        for (auto& each : from_manager_.done) {
            if (each.result.error) throw std::runtime_error("a call failed");
            const auto text = wire::decode<std::string>(each.result.payload.view());
            if (std::get<0>(text.value()) != payload) throw std::runtime_error("a wrong result");
            ++settled_;
        }
        from_manager_.done.clear();
    }

    std::size_t window_;
    core::manager manager_;
    core::worker worker_;
    core::manager_effects from_manager_;
    core::worker_effects from_worker_;
    core::route at_worker_{};
    std::size_t settled_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 3) throw std::runtime_error("it is for maus-bench instructions");
        exchange each(std::stoul(argv[2]));
        for (auto left = std::stoul(argv[1]); left > 0; --left) each.round();
        return 0;
    } catch (const std::exception& failed) {
        std::cerr << argv[0] << ": " << failed.what() << '\n';
        return 1;
    }
}
