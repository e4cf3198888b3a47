#include "maus/net/reactor.hpp"

#include "maus/net/clock.hpp"

namespace maus::net {

namespace {
constexpr int cycles_without_time_max = 100;
constexpr std::chrono::seconds stands_at_most{2};
// An answer may be a million times as long as its question, and is bounded only once it is sent.
constexpr std::size_t inputs_an_outbox_max = 32;
}  // namespace

bool reactor::cycle() {
    inputs_.clear();
    const bool unread = hub_.drain(inputs_);
    const base::instant now = clock_now();
    if (inputs_.empty() && !unread && !driven_.has_queued() && now < driven_.next_deadline()) {
        time_ = now;
        time_waits_ = 0;
        all_read_at_ = now;
        return false;
    }
    std::size_t fed = 0;
    for (auto& each : inputs_) {
        driven_.on(std::move(each), now);
        if (++fed % inputs_an_outbox_max == 0) send();
    }
    // With messages still unread time stands still for a while: a sign of life may be among them. It does
    // for longer while a message of too many frames is thrown away, for nothing else can be read then.
    if (!unread) {
        time_waits_ = 0;
        all_read_at_ = now;
    } else if (!hub_.throws_away()) {
        ++time_waits_;
    }
    const bool stands = unread && (hub_.throws_away() ? now - all_read_at_ <= stands_at_most
                                                      : time_waits_ <= cycles_without_time_max);
    if (!stands) time_ = now;
    driven_.step(now, time_);
    const bool sent = !driven_.outbox().empty();
    send();
    if (unread || !inputs_.empty() || driven_.has_queued()) return true;
    // Sending makes libzmq look at its own commands, and epoll does not tell of what it saw there.
    return sent && hub_.has_more();
}

void reactor::flush() {
    driven_.take_queued(clock_now());
    send();
}

void reactor::sleep(base::instant deadline) {
    asleep_ = true;
    if (!driven_.has_queued()) hub_.wait(std::min(deadline, driven_.next_deadline()));
    asleep_ = false;
}

void reactor::run() {
    while (!driven_.finished()) {
        if (!cycle() && !driven_.finished()) sleep();
    }
    hub_.shut();
}

bool reactor::process_events() {
    constexpr int cycles_max = 16;
    asleep_ = false;
    hub_.wait(base::instant{});
    bool more = true;
    for (int i = 0; more && i < cycles_max && !driven_.finished(); ++i) more = cycle();
    asleep_ = true;
    if (driven_.finished()) {
        hub_.shut();
        hub_.wait(base::instant{});  // a loop that keeps its fd is not called for ever
        return false;
    }
    // Level-triggered: what is left makes the fd readable again.
    if (more || driven_.has_queued()) {
        hub_.wake();
    } else {
        hub_.arm(driven_.next_deadline());
    }
    return true;
}

}  // namespace maus::net
