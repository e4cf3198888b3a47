#include "witnesses.hpp"

#include <algorithm>
#include <cstdio>

#include "watch.hpp"

namespace faults {

namespace {

words steady(words more) {
    more.insert(more.end(),
                {"--amount", "1", "--run-us", "0", "--outstanding", "1", "--rate", "500"});
    return calm(std::move(more));
}

void print(const waits& of) {
    std::printf("%zu echoes: 99 of 100 within %.2f ms, all within %.2f ms\n", of.calls, of.p99_ms,
                of.most_ms);
}

}  // namespace

witnesses::witnesses(stage& on, const std::string& limits) : on_(on) {
    on.expect_in_logs("a peer is cut off");
    on.expect_in_logs("a stranger was rejected");
    on.expect_in_logs("it does not take what it is sent");
    on.start_parkserver(limits);
    (void)on.workers(2, calm({}));
    place = on.place();
    clients_ = {{&on.manager(steady({"--endpoint", place})), "direct", 50},
                {&on.manager(steady({"--relayed"})), "relayed", 100}};
    for (auto& each : clients_) {
        on.wait_for(*each.manager, kind::settled, 300);
        each.since = each.manager->facts().size();
        std::printf("before: %s ", each.how);
        print(waits_of(*each.manager, 0));
        watch(std::string("the ") + each.how + " manager", each.manager->pid());
    }
    watch("the parkserver", on.parkserver().pid());
}

void witnesses::watch(const std::string& name, pid_t pid) {
    forget_peak(pid);
    watched_[name] = {pid, bytes_of(pid)};
}

void witnesses::judge(std::size_t bytes_max) {
    for (const auto& each : clients_) {
        on_.wait_for(*each.manager, kind::settled, 300);
        const waits waited = waits_of(*each.manager, each.since);
        std::printf("meanwhile: %s ", each.how);
        print(waited);
        if (on_.holds_latency) {
            on_.check(waited.most_ms <= each.ms_max,
                      std::string(each.how) + " calls waited up to " +
                          std::to_string(waited.most_ms) + " ms (--no-latency: not asserted)");
        }
        on_.check(each.manager->count(kind::left) == 0, each.manager->name() + " lost a worker");
    }
    if (!on_.holds_latency) std::printf("--no-latency: what calls waited was not asserted\n");
    for (const auto& [name, of] : watched_) {
        const std::size_t most = peak_of(of.pid), grown = most - std::min(most, of.before);
        std::printf("%s grew by %zu MiB\n", name.c_str(), grown / mib);
        on_.check(grown <= bytes_max + slack,
                  name + " grew by " + std::to_string(grown / mib) + " MiB");
    }
}

void witnesses::go_on() {
    for (const auto& each : clients_) on_.wait_for(*each.manager, kind::settled, 300);
}

std::string times(std::size_t count, const std::string& text) {
    std::string many;
    many.reserve(count * text.size());
    while (count-- > 0) many += text;
    return many;
}

raw_tcp stranger(const std::string& endpoint) {
    raw_tcp made(endpoint);
    if (!made.shake_hands()) throw row_failed("no handshake with " + endpoint);
    return made;
}

raw_tcp registered_worker(const std::string& endpoint, const spec::register_worker& self) {
    raw_tcp made = stranger(endpoint);
    made.write(raw_tcp::frame(spec::control(self).front()));
    (void)made.read_frame();
    return made;
}

std::string hello_of(spec::fake_worker self) {
    self.self.interval_ms = 3'600'000;
    return raw_tcp::frame(
        spec::link_message({spec::to_record(spec::r_hello, self.what_to_say())}).front());
}

std::string hello_of(const std::string& type, std::vector<std::string> signatures) {
    spec::fake_worker self;
    self.self.type = type;
    self.self.signatures = std::move(signatures);
    return hello_of(std::move(self));
}

raw_tcp linked_worker(const std::string& manager) {
    raw_tcp made = stranger(manager);
    made.write(hello_of("nobody's"));
    (void)made.read_frame();
    return made;
}

}  // namespace faults
