// Streams in the pure machines: records, credit, what a loss makes of them. PROTOCOL.md, section 6.4.
#include "catch.hpp"

#include "maus/core/dispatcher.hpp"
#include "maus/core/worker.hpp"
#include "maus/wire/call_extensions.hpp"
#include "maus/wire/signature.hpp"
#include "talk.hpp"

using namespace talk;
using core::item_credit;
using core::stream_account;
using std::chrono::milliseconds;

namespace {

base::buffer text_item(std::string_view text) { return base::buffer{base::as_bytes(text)}; }

/// A record of these items, as the reader of a message gives it.
struct item_record {
    wire::message message;
    wire::record record;
    explicit item_record(wire::attempt of, const std::vector<std::string>& all,
                         bool apart = false) {
        base::buffer payload;
        std::uint32_t count = 0;
        for (const auto& each : all) wire::add_item(payload, count, text_item(each));
        const limits bounds;
        wire::link_writer{message, bounds}.items(of, count, std::move(payload), apart);
        wire::link_reader records{message};
        REQUIRE(records.next(record));
    }
};

std::vector<std::string> texts_of(const wire::items& from) {
    std::vector<std::string> all;
    base::byte_view left = from.payload.view();
    for (std::uint32_t i = 0; i < from.count; ++i) {
        all.emplace_back(base::as_text(wire::next_item(left, from.count)));
    }
    return all;
}

/// A manager's dispatcher with one stream function and one other; calls by ticket.
struct stream_desk {
    base::settings settings;
    core::dispatcher calls{settings};
    core::outbox out{settings};
    std::vector<core::settled> done;
    std::vector<core::items_came> came;
    std::vector<core::call_id> ids;
    std::int64_t ms = 0;

    stream_desk() {
        calls.define({0}, "s()->stream<i32>");
        calls.define({1}, "s()->stream<any>");
        calls.add_group({1}, {}, at_ms(0));
    }
    core::link_index worker(std::uint64_t route,
                            std::vector<std::string> signatures = {"s()->stream<i32>"}) {
        const auto made =
            calls.add_link({base::route{route}, {}}, std::to_string(route), signatures, 1);
        calls.join(made, {1}, done);
        return made;
    }
    void submit(const core::stream_terms& terms, maus::call_options options = {},
                std::uint32_t method = 0) {
        core::submission what;
        what.group = {1};
        what.method = {method};
        what.ticket = ids.size() + 1;
        what.options = options;
        what.set_stream(terms);
        ids.push_back(calls.submit(std::move(what), at_ms(ms), done));
    }
    std::vector<wire::stream_credit> credits;  // of the calls that pump() sent
    lines pump() {
        calls.pump(at_ms(ms), out, done);
        for (auto& effect : out.effects()) {
            auto* say = std::get_if<core::send>(&effect);
            if (say == nullptr) continue;
            wire::link_reader records{say->message};
            for (wire::record record; records.next(record);) {
                if (record.type != wire::record_type::call) continue;
                credits.push_back(*wire::decode_call_extensions(record.extended, {})->stream);
            }
        }
        return take(out);
    }
    bool give(core::link_index from, const std::vector<std::string>& all,
              std::uint32_t attempt = 1) {
        item_record made({ids[0], {attempt}}, all);
        return calls.give_items(from, made.record, at_ms(ms), came, done, out);
    }
    bool answer(core::link_index from, wire::record_type type, std::uint32_t attempt = 1) {
        auto message = link_message(settings.limits, [&](wire::link_writer& to) {
            const wire::attempt what{ids[0], {attempt}};
            if (type == wire::record_type::result) return to.result(what, {});
            to.about(type, what);
        });
        wire::link_reader records{message};
        wire::record record;
        return records.next(record) && calls.answer(from, record, at_ms(ms), done);
    }
    lines read(std::uint32_t items, std::uint64_t bytes) {
        calls.read_items(ids[0], items, bytes, at_ms(ms), out);
        return take(out);
    }
    std::size_t items() const {
        std::size_t sum = 0;
        for (const auto& each : came) sum += each.count;
        return sum;
    }
    std::string id() const { return std::to_string(ids[0].value); }
};

std::string end_told(const std::vector<core::settled>& done) {
    if (done.size() != 1) return std::to_string(done.size()) + " ends";
    const auto& result = done[0].result;
    if (!result.error) return "ok";
    return std::string(to_string(*result.error)) + " after " +
           std::to_string(result.about->delivered);
}

}  // namespace

TEST_CASE("streams: items travel alone or with their lengths, in the record or apart") {
    const wire::attempt of{{5}, {2}};
    const bool apart = GENERATE(false, true);
    for (const auto& all : std::vector<std::vector<std::string>>{
             {"one"}, {""}, {"", ""}, {"a", "bc", ""}, {std::string(70'000, 'x'), "y"}}) {
        item_record made(of, all, apart);
        const auto read = wire::take_items(made.record);
        REQUIRE(read);
        CHECK(read->of == of);
        CHECK(texts_of(*read) == all);
        std::uint64_t bytes = 0;
        for (const auto& each : all) bytes += each.size();
        CHECK(read->bytes() == bytes);
    }
}

TEST_CASE("streams: a record that is no items is refused") {
    const auto refuses = [](std::uint32_t count, std::string payload) {
        wire::record made;
        made.type = wire::record_type::item;
        base::buffer body;
        wire::store(body.extend(8), std::uint64_t{5});
        wire::store(body.extend(4), std::uint32_t{1});
        wire::store(body.extend(4), count);
        body.append(base::as_bytes(payload));
        made.body = body.view();
        return !wire::take_items(made);
    };
    const std::string one("\3\0\0\0abc", 7);
    CHECK_FALSE(refuses(1, ""));
    CHECK_FALSE(refuses(2, one + one));
    CHECK(refuses(0, ""));
    CHECK(refuses(0, one));
    CHECK(refuses(3, one + one));
    CHECK(refuses(2, one + one + "x"));
    CHECK(refuses(2, one + one.substr(0, 6)));
    CHECK(refuses(2, one + one.substr(0, 3)));
    CHECK(refuses(4'000'000'000u, one));
}

TEST_CASE("streams: a worker's credit is items and bytes, and the last item may be larger") {
    item_credit credit({3, 10, 1});
    CHECK(credit.skips());
    CHECK(credit.take_skip());
    CHECK_FALSE(credit.take_skip());
    credit.spend(4);
    CHECK(credit.any());
    credit.spend(20);  // 14 more than there were
    CHECK_FALSE(credit.any());
    credit.add(5, 14);
    CHECK_FALSE(credit.any());
    credit.add(0, 1);
    CHECK(credit.any());
    credit.spend(0);
    credit.add(~0u, ~std::uint64_t{0});
    credit.add(~0u, ~std::uint64_t{0});
    CHECK(credit.any());
    CHECK_FALSE(item_credit{}.any());
}

TEST_CASE("streams: a manager's account tells what may come, and notes what came beyond it") {
    stream_account account({10, 100, true});
    CHECK(account.begin(at_ms(0)) == wire::stream_credit{10, 100, 0});
    CHECK(account.came(4, 40, 10, at_ms(1)));
    CHECK_FALSE(account.came(7, 7, 1, at_ms(1)));   // three too many
    CHECK_FALSE(account.came(2, 61, 1, at_ms(1)));  // the last one has nothing left
    CHECK(account.came(2, 1000, 990, at_ms(1)));    // the last one may be larger
    CHECK_FALSE(account.has_credit());
    CHECK_FALSE(account.came(1, 0, 0, at_ms(1)));
    const auto none = account.read(1, 10, false, at_ms(2));
    CHECK_FALSE(none);
    const auto more = account.read(5, 1030, true, at_ms(2));
    REQUIRE(more);
    CHECK(more->items == 6);
    CHECK(more->bytes == 1040);
    CHECK(account.delivered() == 6);
    // Another attempt: what is unread counts.
    CHECK(account.came(3, 30, 10, at_ms(3)));
    CHECK(account.begin(at_ms(4)) == wire::stream_credit{7, 70, 9});
    CHECK(account.delivered_now() == 0);
}

TEST_CASE("dispatcher: a stream's call tells its credit, and more is told as items are read") {
    stream_desk at;
    const auto link = at.worker(7);
    at.submit({4, 100, false});
    CHECK(at.pump() == lines{"7 call " + at.id() + "/1"});
    CHECK(at.credits == std::vector<wire::stream_credit>{{4, 100, 0}});
    CHECK(at.give(link, {"a", "b", "c"}));
    CHECK(at.items() == 3);
    CHECK(at.read(2, 2) == lines{"7 more " + at.id() + "/1 items 2 bytes 2"});
    CHECK(at.give(link, {"d", "e", "f"}));
    CHECK_FALSE(at.give(link, {"g"}));  // beyond its credit
    CHECK(at.answer(link, wire::record_type::result));
    CHECK(end_told(at.done) == "ok");
    CHECK(at.read(4, 4) == lines{});
    CHECK(at.give(link, {"late"}));  // of no current attempt
    CHECK(at.items() == 6);
}

TEST_CASE("dispatcher: a stream breaks with its worker, once something has come") {
    stream_desk at;
    const auto first = at.worker(7);
    at.worker(8);
    at.submit({4, 100, false});
    at.pump();
    at.calls.remove_link(first, core::link_end::lost, "it died", at_ms(0), at.done);
    CHECK(at.done.empty());
    CHECK(at.pump() == lines{"8 call " + at.id() + "/2"});
    CHECK(at.give(1, {"a", "b"}, 2));
    at.calls.remove_link(1, core::link_end::lost, "it died", at_ms(0), at.done);
    CHECK(end_told(at.done) == "stream_broken after 2");
}

TEST_CASE("dispatcher: a replayable stream goes on where it was, with the credit that is left") {
    stream_desk at;
    const auto first = at.worker(7);
    at.submit({4, 100, true});
    at.pump();
    CHECK(at.give(first, {"a", "b", "c"}));
    CHECK(at.read(1, 1) == lines{"7 more " + at.id() + "/1 items 1 bytes 1"});
    at.calls.remove_link(first, core::link_end::lost, "it died", at_ms(0), at.done);
    CHECK(at.read(1, 1) == lines{});
    CHECK(at.done.empty());
    const auto second = at.worker(8);
    CHECK(at.pump() == lines{"8 call " + at.id() + "/2"});
    CHECK(at.credits.back() == wire::stream_credit{3, 99, 3});
    CHECK(at.give(second, {"d"}, 1));  // of the first attempt: it means nothing
    CHECK(at.items() == 3);
    CHECK(at.give(second, {"d"}, 2));
    CHECK(at.items() == 4);
    CHECK(at.answer(second, wire::record_type::result, 2));
    CHECK(end_told(at.done) == "ok");
}

TEST_CASE("dispatcher: at_most_once holds for streams; one that has given items is not returned") {
    stream_desk at;
    const auto link = at.worker(7);
    maus::call_options once_only;
    once_only.delivery = maus::delivery::at_most_once;
    at.submit({4, 100, true}, once_only);
    at.pump();
    CHECK(at.give(link, {"a"}));
    CHECK_FALSE(at.answer(link, wire::record_type::returned));
    at.calls.remove_link(link, core::link_end::lost, "it died", at_ms(0), at.done);
    CHECK(end_told(at.done) == "maybe_executed after 1");
}

TEST_CASE("dispatcher: items are converted one by one; what does not fit ends the stream") {
    stream_desk at;
    const auto link = at.worker(7);
    at.submit({9, 100, false}, {}, 1);
    at.pump();
    CHECK(at.give(link, {std::string("\7\0\0\0", 4), std::string("\1\0\0\0", 4)}));
    REQUIRE(at.items() == 2);
    base::byte_view left = at.came[0].payload.view();
    CHECK(wire::next_item(left, 2).size() == 9);  // a tag and an i64
    CHECK(at.give(link, {std::string("\3\0\0\0", 4), "no", std::string("\4\0\0\0", 4)}));
    CHECK(at.items() == 3);
    CHECK(end_told(at.done) == "bad_result after 3");
    CHECK(take(at.out) == lines{"7 cancel " + at.id() + "/1"});
}

TEST_CASE("dispatcher: an attempt's time is that between two items, and not that of its reader") {
    stream_desk at;
    const auto link = at.worker(7);
    maus::call_options timed;
    timed.attempt_timeout = milliseconds{100};
    at.submit({2, 100, false}, timed);
    at.pump();
    std::vector<core::link_index> hung;
    const auto pass = [&](std::int64_t ms) {
        at.ms = ms;
        at.calls.advance_to(at_ms(ms), at.out, at.done, hung);
    };
    pass(90);
    CHECK(at.give(link, {"a"}));
    pass(150);
    CHECK(at.give(link, {"b"}));
    pass(1000);  // nobody reads
    CHECK(at.done.empty());
    CHECK(at.read(1, 1).size() == 1);
    pass(1090);
    CHECK(at.done.empty());
    pass(1250);
    CHECK(end_told(at.done) == "attempt_timeout after 2");
    CHECK(hung == std::vector{link});
}

TEST_CASE("streams: who lacks the feature exposes no stream functions") {
    std::vector<std::string> all{"f()->void", "s()->stream<i32>", "stream()->i32"};
    wire::without_streams(all);
    CHECK(all == std::vector<std::string>{"f()->void", "", "stream()->i32"});
}

TEST_CASE("streams: a signature has a stream as its result, and nowhere else") {
    const auto good = [](const char* text) { return wire::parse_signature(text).ok(); };
    CHECK(good("f()->stream<i32>"));
    CHECK(good("f(i32)->stream<map<str,list<any>>>"));
    CHECK(good("stream(streams)->streamed"));
    CHECK_FALSE(good("f()->stream"));
    CHECK_FALSE(good("f()->stream<>"));
    CHECK_FALSE(good("f()->stream<void>"));
    CHECK_FALSE(good("f()->stream<i32,i32>"));
    CHECK_FALSE(good("f()->stream<stream<i32>>"));
    CHECK_FALSE(good("f()->list<stream<i32>>"));
    CHECK_FALSE(good("f(stream<i32>)->void"));
    CHECK_FALSE(good("f({i32,stream<i32>})->void"));
    CHECK(wire::is_stream("f(i32)->stream<i32>"));
    CHECK_FALSE(wire::is_stream("stream(i32)->i32"));
    CHECK(wire::is_convertible("f()->stream<any>", "f()->stream<i32>"));
    CHECK(wire::is_convertible("f(...)->stream<any>", "f(i32)->stream<any>"));
    CHECK_FALSE(wire::is_convertible("f()->stream<i64>", "f()->stream<i32>"));
    CHECK_FALSE(wire::is_convertible("f()->any", "f()->stream<i32>"));
    CHECK_FALSE(wire::is_convertible("f()->stream<any>", "f()->i32"));
}

// --- the worker ----------------------------------------------------------------------------------

namespace {

/// A worker that serves one manager in direct mode over route 1.
struct stream_worker {
    core::worker_config config = [] {
        core::worker_config made;
        made.id = id<base::worker_id>(11);
        made.incarnation = {1};
        made.signatures = {"s()->stream<str>", "f()->void"};
        made.concurrency = 2;
        made.beat = {100, 3};
        made.manager = "tcp://m:1";
        made.settings.limits.payload_apart_bytes = 100;
        return made;
    }();
    core::worker core{config, at_ms(0)};
    core::worker_effects out{config.settings};

    explicit stream_worker(std::vector<std::string> features = {"streams", "transfer"},
                           std::uint64_t bytes_max = 1u << 20) {
        core.advance_to(at_ms(0), out);
        core.on(core::up{{1}}, at_ms(0), out);
        wire::welcome say{id<base::manager_id>(21),
                          {1},
                          100,
                          3,
                          static_cast<std::uint64_t>(at_ms(0).time_since_epoch().count())};
        say.can.features = std::move(features);
        say.can.limits[1] = bytes_max;
        (void)hear([&](wire::link_writer& to) { to.say(say); });
    }
    template <class Write>
    lines hear(Write write) {
        core.on(core::received{{1}, link_message(config.settings.limits, write)}, at_ms(0), out);
        return news();
    }
    lines news() { return take_news(out.net); }
    void call() {
        wire::call_extensions its;
        its.stream = wire::stream_credit{2, 1000, 0};
        (void)hear([&](wire::link_writer& to) {
            base::buffer nothing;
            to.call({{5}, {1}}, 0, false, nothing, wire::encoded(its).view());
        });
    }
    lines give(std::uint32_t count, base::buffer&& payload) {
        core.on(core::job_items{out.execute.at(0).link, {{5}, {1}}, count, std::move(payload)},
                at_ms(0), out);
        return news();
    }
    lines end(std::variant<core::job_returned, core::job_value, core::job_fault> outcome =
                  core::job_value{}) {
        core.on(core::job_done{out.execute.at(0).link, {{5}, {1}}, false, std::move(outcome)},
                at_ms(0), out);
        return news();
    }
};

}  // namespace

TEST_CASE("worker: items are sent as they come, and the end behind them") {
    const bool transfers = GENERATE(true, false);
    stream_worker with(transfers ? std::vector<std::string>{"streams", "transfer"}
                                 : std::vector<std::string>{"streams"});
    with.call();
    REQUIRE(with.out.execute.size() == 1);
    CHECK(with.give(1, text_item("one")) == lines{"1 item 5/1 x1"});
    CHECK(with.end() == lines{"1 result 5/1"});
    CHECK(with.give(1, text_item("late")).size() <= 1);
}

TEST_CASE("worker: the end of a stream waits for items that are on their way") {
    stream_worker with;
    with.call();
    lines said;
    for (int i = 0; i < 20; ++i) {
        const auto more = with.give(1, text_item(std::string(90, 'x')));
        said.insert(said.end(), more.begin(), more.end());
    }
    CHECK(said.size() < 20);  // the first window is 800 bytes
    CHECK(with.end() == lines{});
    std::uint64_t taken = 0;
    while (taken < 20 * 90) {
        taken = std::min<std::uint64_t>(said.size() * 90, 20 * 90);
        const auto more = with.hear(
            [&](wire::link_writer& to) { to.taken(wire::record_type::manager_taken, taken); });
        said.insert(said.end(), more.begin(), more.end());
    }
    CAPTURE(said);
    REQUIRE(said.size() == 21);
    CHECK(said.back() == "1 result 5/1");
    CHECK(with.core.counters().answers == 1);
}

TEST_CASE("worker: a small answer does not wait for the items that were given before it (P-85)") {
    constexpr std::size_t items = 20, item_bytes = 90;
    stream_worker with;
    with.call();
    (void)with.hear([](wire::link_writer& to) {
        base::buffer nothing;
        to.call({{6}, {1}}, 1, false, nothing);
    });
    REQUIRE(with.out.execute.size() == 2);
    lines said;
    for (std::size_t i = 0; i < items; ++i) {
        const auto more = with.give(1, text_item(std::string(item_bytes, 'x')));
        said.insert(said.end(), more.begin(), more.end());
    }
    // As many are on their way as the first window has room for; the others wait.
    CHECK(said.size() == 800 / item_bytes);
    with.core.on(core::job_done{with.out.execute[1].link, {{6}, {1}}, false, core::job_value{}},
                 at_ms(0), with.out);
    CHECK(with.news() == lines{"1 result 6/1"});
    CHECK(with.core.counters().answers == 1);
    while (said.size() < items) {
        const auto more = with.hear([&](wire::link_writer& to) {
            to.taken(wire::record_type::manager_taken, said.size() * item_bytes);
        });
        REQUIRE_FALSE(more.empty());
        said.insert(said.end(), more.begin(), more.end());
    }
    CHECK(said == lines(items, "1 item 5/1 x1"));
}

TEST_CASE("worker: more is passed on; without the feature it breaks the protocol") {
    stream_worker with;
    with.call();
    CHECK(with.hear([](wire::link_writer& to) { to.more({{5}, {1}}, 3, 30); }) == lines{});
    REQUIRE(with.out.more.size() == 1);
    CHECK(with.out.more[0].items == 3);
    CHECK(with.out.more[0].bytes == 30);

    stream_worker older({"transfer"});
    CHECK(older.hear([](wire::link_writer& to) {
                   to.more({{5}, {1}}, 3, 30);
               })
              .front() == "1 goodbye protocol_violation");
}

TEST_CASE("worker: a manager without the feature gets no stream") {
    stream_worker with({"transfer"});
    with.call();
    CHECK(with.out.execute.empty());
    CHECK(with.core.counters().answers == 1);
}

TEST_CASE("worker: an item that the manager does not take is the end; smaller ones go alone") {
    stream_worker with({"streams", "transfer"}, 50);
    with.call();
    base::buffer many;
    std::uint32_t count = 0;
    for (int i = 0; i < 4; ++i) wire::add_item(many, count, text_item(std::string(30, 'x')));
    wire::add_item(many, count, text_item(std::string(51, 'y')));
    CHECK(with.give(count, std::move(many)) == lines(4, "1 item 5/1 x1"));
    REQUIRE(with.out.cancel.size() == 1);
    CHECK(with.give(1, text_item("dropped")) == lines{});
    CHECK(with.end(core::job_fault{errc::cancelled, {}, {}}) == lines{"1 failed 5/1"});
}
