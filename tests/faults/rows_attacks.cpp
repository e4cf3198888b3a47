// Peers that want a process's memory or its time for themselves, while good clients call through it and
// beside it (witnesses.hpp).
#include <algorithm>
#include <list>

#include "logs.hpp"
#include "rows.hpp"
#include "witnesses.hpp"
#include "work.hpp"

namespace faults {

namespace {

/// F41: megabytes are relayed to a worker that does not read.
void deaf_worker(stage& on) {
    witnesses good(on);
    spec::register_worker self;
    self.type = "deaf";
    self.interval_ms = 3'600'000;
    auto deaf = registered_worker(on.endpoint(), self);
    spec::fake_manager manager;
    manager.self.endpoints.clear();
    manager.enroll(on.endpoint());
    manager.ask_for(1, self.type);
    const auto offer = spec::decoded<spec::assign>(deaf.read_frame().substr(8));
    deaf.write(raw_tcp::frame(spec::control(spec::accepted{offer.lease}).front()));
    (void)manager.park->hear<spec::granted>();
    const auto large = spec::relayed(offer.lease, {spec::bytes(mib, 'x')});
    for (int i = 0; i < 3600; ++i) manager.park->send(large);
    on.wait("the deaf one to be cut off", [&] {
        const auto seen = on.status();
        return seen && std::none_of(seen->workers.begin(), seen->workers.end(),
                                    [](const auto& each) { return each.type == "deaf"; });
    });
    good.judge();
}

/// F41: floods of pings, and nobody reads the answers.
void deaf_pings(stage& on) {
    witnesses good(on);
    spec::register_worker self;
    self.type = "deaf";
    self.interval_ms = 3'600'000;
    auto at_park = registered_worker(on.endpoint(), self);
    auto at_boss = linked_worker(good.place);
    const auto to_park = times(100, raw_tcp::frame(spec::control(spec::ping{}).front()));
    const auto ping = spec::link_message({spec::to_record(spec::r_ping, spec::u64{1})}).front();
    const auto to_boss = times(100, raw_tcp::frame(ping));
    for (int i = 0; i < 30'000 && at_park.write(to_park); ++i) {
    }
    for (int i = 0; i < 30'000 && at_boss.write(to_boss); ++i) {
    }
    good.judge();
}

/// F41: calls of 28 bytes whose results are large, for a manager that does not read.
void deaf_manager(stage& on) {
    witnesses good(on);
    on.expect_in_logs("results than queued_bytes_max");
    const auto bytes = spec::payload(std::string{}, spec::u64{mib});
    for (const bool in_parts : {false, true}) {
        const std::string type = in_parts ? "in-parts" : "whole";
        auto& worker = on.worker(calm({"--type", type}));
        good.watch("the worker whose results go " + type, worker.pid());
        spec::raw_listener place;
        spec::fake_manager boss;
        boss.self.endpoints = {place.endpoint()};
        boss.enroll(on.endpoint());
        boss.ask_for(1, type);
        auto deaf = place.accept();
        if (!deaf.shake_hands("ROUTER")) throw row_failed("no handshake with the worker");
        const auto said =
            spec::decoded<spec::hello>(spec::read_link_message({deaf.read_frame()}).at(0).body);
        spec::welcome yes;
        yes.stamp = said.stamp;
        if (in_parts) yes.features = {"transfer"};
        deaf.write(raw_tcp::frame(spec::link_message({spec::to_record(spec::r_welcome, yes)})[0]));
        const auto number =
            std::find(said.signatures.begin(), said.signatures.end(), give.signature()) -
            said.signatures.begin();
        for (spec::u64 call = 1; call <= 4000; ++call) {
            const auto one = spec::a_call({call, 1}, static_cast<spec::u16>(number), bytes);
            if (!deaf.write(raw_tcp::frame(spec::link_message({one})[0]))) break;
        }
        on.wait("the worker to give that manager up",
                [&] { return log_book(on.log_of(worker)).has(" no more: "); });
        // It serves the next one.
        boss.park->say(spec::cancel{1});
        auto& next = on.manager(calm({"--type", type, "--amount", "1"}));
        on.wait_for(next, kind::settled, 50);
    }
    good.judge();
}

/// F41: large arguments for a worker that is called directly and does not read.
void deaf_direct_worker(stage& on) {
    witnesses good(on);
    for (const bool in_parts : {false, true}) {
        const std::string type = in_parts ? "in-parts" : "whole", place = on.place();
        auto& boss = on.manager(calm({"--type", type, "--amount", "1", "--outstanding", "4000",
                                      "--large-every", "1", "--large-bytes", std::to_string(mib),
                                      "--calls", "600", "--idle", "--endpoint", place}));
        good.watch("the manager whose arguments go " + type, boss.pid());
        {
            auto deaf = stranger(place);
            spec::fake_worker self;
            self.self.type = type;
            self.self.signatures = {echo.signature()};
            self.self.concurrency = 1000;  // so that all of them are for it
            if (in_parts) self.self.features = {"transfer"};
            deaf.write(hello_of(std::move(self)));
            (void)deaf.read_frame();
            // Then there is no room for more calls: calls_bytes_max.
            on.wait_for_all(boss, kind::submitted, maus::limits{}.calls_bytes_max / mib);
        }
        // What it held goes to the next one.
        (void)on.worker(calm({"--type", type}));
        on.wait_for_all(boss, kind::settled, 600);
        on.check(boss.count(kind::left) == 1, "another worker than the deaf one was lost");
    }
    good.judge();
}

/// F42: messages of too many frames, one of them of 25 million, and many peers that send nothing else.
void too_many_frames(stage& on) {
    witnesses good(on);
    on.expect_violations();
    const auto few = times(69, raw_tcp::frame("", 1)) + raw_tcp::frame("");
    const auto many = times(mib / 2, raw_tcp::frame("", 1));
    for (const auto& endpoint : {on.endpoint(), good.place}) {
        auto large = stranger(endpoint);
        for (int i = 0; i < 50 && large.write(many); ++i) {
        }
        (void)large.write(raw_tcp::frame(""));
        const auto bad = times(5000, few);
        for (int i = 0; i < 100; ++i) (void)stranger(endpoint).write(bad);
    }
    good.judge();
}

/// F43: messages without end.
void endless_messages(stage& on) {
    witnesses good(on);
    const auto frame = raw_tcp::frame(std::string(1u << 16, 'x'), 1);
    const auto chunk = times(16, frame);
    for (int linked = 0; linked < 2; ++linked) {
        auto at_park = linked != 0 ? registered_worker(on.endpoint(), {}) : stranger(on.endpoint());
        auto at_boss = linked != 0 ? linked_worker(good.place) : stranger(good.place);
        for (int i = 0; i < 1200 && at_park.write(chunk); ++i) {
        }
        for (int i = 0; i < 1200 && at_boss.write(chunk); ++i) {
        }
    }
    // Over ipc nobody counts what comes, so a time bounds it, and not a number of bytes
    // (P-89).
    good.judge(on.how() == transport::ipc ? 640 * mib : queued_max);
}

/// F50: many hellos, each as large as one may be.
void large_hellos(stage& on) {
    witnesses good(on);
    std::vector<std::string> signatures;
    for (int i = 0; i < 1000; ++i) {
        std::string text = "f" + std::to_string(i) + "(";
        while (text.size() < 4080) text += "i8,";
        signatures.push_back(text + "i8)->i8");
    }
    const auto hello = hello_of("nobody's", signatures);
    std::list<raw_tcp> all;
    for (int i = 0; i < 60; ++i) all.push_back(stranger(good.place));
    for (auto& each : all) each.write(hello);
    for (auto& each : all) on.check(!each.read_frame().empty(), "a large hello got no answer");
    // Each is allowed what it said, twice: as a message and as a table.
    good.judge(60 * 2 * hello.size());
}

/// F45: requests that each hold a long list, and questions for the status.
void long_lists(stage& on) {
    witnesses good(on);
    spec::fake_manager manager(on.endpoint());
    for (spec::u64 number = 1; number <= 500; ++number) {
        spec::request asked;
        asked.number = number;
        asked.type = "nobody's";
        asked.amount = 1;
        for (int i = 0; i < 20'000; ++i) asked.held.push_back({{}, spec::fresh_id()});
        manager.park->say(asked);
    }
    std::list<spec::dealer> askers;
    for (int i = 0; i < 10; ++i) askers.emplace_back(on.endpoint()).say(spec::status_query{});
    for (auto& each : askers) (void)each.hear_next<spec::status>();
    good.judge(0);
}

}  // namespace

std::vector<row> rows_of_attacks() {
    const auto row = [](const char* name, const char* fault, void (*play)(stage&)) {
        return faults::row{name, fault, play, over::tcp_only, weight::heavy};
    };
    return {
        row("deaf-worker", "3.6 GB are relayed to a worker that does not read", deaf_worker),
        row("deaf-manager", "calls of 28 bytes with results of 1 MiB, and nobody reads those",
            deaf_manager),
        row("deaf-direct-worker", "arguments of 1 MiB for a worker that does not read",
            deaf_direct_worker),
        row("deaf-pings", "millions of pings, and nobody reads the answers", deaf_pings),
        row("too-many-frames", "a message of 25 million frames, 200 peers of bad messages",
            too_many_frames),
        faults::row{"endless-messages", "messages that do not end", endless_messages, over::both,
                    weight::heavy},
        row("large-hellos", "60 hellos of 4 MiB", large_hellos),
        row("long-lists", "500 requests of 20,000 held workers each", long_lists),
    };
}

}  // namespace faults
