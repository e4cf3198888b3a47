// Texts of scripts at both ends of a link ([P-128], [P-129]), and the runs of scripts at a worker.
#include "catch.hpp"

#include "maus/base/sha256.hpp"
#include "maus/core/dispatcher.hpp"
#include "maus/core/script_runs.hpp"
#include "maus/core/scripts.hpp"
#include "maus/core/transfers.hpp"
#include "maus/wire/archive.hpp"
#include "talk.hpp"

using namespace talk;
using namespace std::chrono_literals;
namespace helper = wire::helper;

namespace {

std::string hex_of(std::string_view text) {
    std::string made;
    base::append_hex(made, base::sha256(text));
    return made;
}

core::script_pointer text(int number, std::size_t bytes = 10) {
    return std::make_shared<const detail::script_source>(
        detail::script_source{id<base::script_id>(static_cast<std::uint8_t>(number)), "javascript",
                              std::string(bytes, 'x')});
}

constexpr std::size_t room = 3 * (detail::script_overhead + 10);

/// What a manager says before a call that refers to these.
std::size_t told(core::known_scripts& known, std::vector<core::script_pointer> needed) {
    base::settings settings;
    core::outbox out{settings};
    core::link_address to{.to = {1}, .relayed = {}};
    detail::script_list all;
    for (const auto& each : needed) all.add(each);
    core::tell_scripts(all, known, to, out);
    std::size_t count = 0;
    for (auto& effect : out.effects()) {
        auto& message = std::get<core::send>(effect).message;
        wire::link_reader records{message};
        for (wire::record record; records.next(record); ++count) {
            const auto read = wire::decode_script(record.body, settings.limits);
            CHECK(record.type == wire::record_type::script);
            CHECK(read.value().id == needed[count]->id);
        }
    }
    return count;
}

}  // namespace

TEST_CASE("a SHA-256 is what FIPS 180-4 says") {
    CHECK(hex_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(hex_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    CHECK(hex_of(std::string(1000000, 'a')) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a script's id is the hash of its language and its text") {
    const maus::script one("x => x"), same("x => x"), other("x => x + 1");
    CHECK(one.source()->id == same.source()->id);
    CHECK(!(one.source()->id == other.source()->id));
    // printf 'javascript\0x => x' | sha256sum
    CHECK(to_string(one.source()->id) ==
          hex_of(std::string("javascript\0x => x", 17)).substr(0, 32));
}

TEST_CASE("of too many texts the oldest are forgotten, and one that is told again is the newest") {
    core::known_scripts known(room);
    for (const int each : {1, 2, 3}) known.told(text(each));
    CHECK(known.find(text(1)->id) != nullptr);
    known.told(text(1));
    known.told(text(4));
    CHECK(known.find(text(2)->id) == nullptr);
    for (const int each : {3, 1, 4}) CHECK(known.find(text(each)->id) != nullptr);
    known.told(text(5, 2 * (detail::script_overhead + 10)));
    for (const int each : {3, 1, 4}) CHECK(known.find(text(each)->id) == nullptr);
    CHECK(known.find(text(5)->id) != nullptr);
}

TEST_CASE("a text that is larger than all that is remembered leaves nothing behind") {
    core::known_scripts known(100);
    known.told(text(1));
    CHECK(known.find(text(1)->id) == nullptr);
}

TEST_CASE("a text is told once, and again when it was forgotten") {
    core::known_scripts known(room);
    CHECK(told(known, {text(1)}) == 1);
    CHECK(told(known, {text(1)}) == 0);
    CHECK(told(known, {text(1), text(1)}) == 0);
    CHECK(told(known, {text(2), text(3)}) == 2);
    // A fourth would take the place of the first, which the call refers to, too.
    CHECK(told(known, {text(1), text(4)}) == 2);
    CHECK(told(known, {text(1), text(4)}) == 0);
    CHECK(told(known, {text(2)}) == 1);
}

TEST_CASE("before a call in parts its scripts are told behind the parts, right before the call") {
    base::settings settings;
    settings.limits.payload_apart_bytes = 32;
    core::transfers large(core::transfers::side::manager, settings);
    core::known_scripts known(room);
    core::outbox out{settings};
    core::link_address to{.to = {1}, .relayed = {}};
    const auto needed = std::make_shared<detail::script_list>();
    needed->add(text(1));
    base::buffer payload;
    payload.extend(4000);
    core::transfers::transfer call{{{7}, {1}}, 0, false, std::move(payload)};
    call.scripts = {needed, &known};
    large.add(std::move(call));
    lines said;
    for (std::uint64_t taken = 0; taken < 4000;) {
        (void)large.pump(at_ms(0), to, out);
        for (auto& effect : out.effects()) {
            for (const auto& frame : std::get<core::send>(effect).message.rest) {
                taken += frame.size();
            }
        }
        for (const auto& line : take(out)) said.push_back(line);
        REQUIRE(large.taken(taken, at_ms(0)));
    }
    REQUIRE(said.size() >= 3);
    CHECK(said[said.size() - 1] == "1 call 7/1");
    CHECK(said[said.size() - 2] == "1 script");
    CHECK(known.find(text(1)->id) != nullptr);
    CHECK(std::count(said.begin(), said.end(), "1 script") == 1);
}

TEST_CASE("a call with scripts goes only to who runs them, and fits the room that they have") {
    base::settings settings;
    core::dispatcher calls{settings};
    core::outbox out{settings};
    std::vector<core::settled> done;
    calls.define({0}, "f()->void", {"scripts"});
    calls.add_group({1}, {}, at_ms(0));
    const auto worker = [&](std::uint64_t route, std::unique_ptr<core::known_scripts> scripts) {
        const auto made = calls.add_link({base::route{route}, {}}, std::to_string(route),
                                         {"f()->void"}, 1, {}, nullptr, true, std::move(scripts));
        calls.join(made, {1}, done);
    };
    const auto submit = [&](std::size_t bytes) {
        core::submission what;
        what.group = {1};
        what.ticket = 1;
        const auto list = std::make_shared<detail::script_list>();
        list->add(text(1, bytes));
        what.options.make_tags().scripts = list;
        (void)calls.submit(std::move(what), at_ms(0), done);
        calls.pump(at_ms(0), out, done);
        return take(out);
    };
    const auto code = [&] {
        REQUIRE(done.size() == 1);
        const auto told = done[0].result.error;
        done.clear();
        return told.value();
    };
    worker(1, nullptr);
    calls.complete({1}, done);
    CHECK(submit(10).empty());
    CHECK(code() == errc::unimplemented);
    worker(2, std::make_unique<core::known_scripts>(room));
    const lines said = submit(10);
    REQUIRE(said.size() == 2);
    CHECK(said[0] == "2 script");
    CHECK(said[1].starts_with("2 call"));
    CHECK(submit(room).empty());
    CHECK(code() == errc::too_large);
    CHECK(submit(settings.limits.script_bytes_max).empty());
    CHECK(code() == errc::too_large);
}

// --- runs ----------------------------------------------------------------------------------------

namespace {

struct process_desk {
    core::script_runs runs{100ms};
    core::script_effects out;
    std::int64_t ms = 0;

    void ask(std::uint64_t run, std::uint64_t link = 1, base::instant deadline = base::never,
             int of = 1) {
        runs.ask({run, link, text(of), {}, deadline}, at_ms(ms), out);
    }
    void ready() { runs.answered(helper::ready{}, at_ms(ms), out); }
    void value(std::uint64_t run) { runs.answered(helper::value{run, {}}, at_ms(ms), out); }
    void die() { runs.ended({errc::remote_exception, "maus-js", "it died"}, at_ms(ms), out); }
    void pass(std::int64_t to_ms) {
        ms = to_ms;
        runs.advance_to(at_ms(ms), out);
    }
    /// What is to be done: "start", "kill", "text 1", "run 7", "7 ok", "7 remote_exception".
    lines take() {
        lines said;
        for (auto& each : out.done) {
            const auto* fault = std::get_if<core::job_fault>(&each.outcome);
            said.push_back(std::to_string(each.id) + " " +
                           (fault ? std::string(to_string(fault->code)) : "ok"));
        }
        base::byte_view left = out.send.view();
        while (const auto bytes = helper::message_bytes(left)) {
            const auto read = helper::decode_request(left.first(*bytes));
            left = left.subspan(*bytes);
            if (const auto* run = std::get_if<helper::run>(&read.value())) {
                said.push_back("run " + std::to_string(run->id));
            } else if (const auto* one = std::get_if<helper::text>(&read.value())) {
                said.push_back("text " + std::to_string(one->number));
            } else {
                said.push_back("forget");
            }
        }
        if (out.kill) said.push_back("kill");
        if (out.start) said.push_back("start");
        out = {};
        return said;
    }
};

}  // namespace

TEST_CASE("the process is started for the first run, and told each text once") {
    process_desk all;
    all.ask(1);
    all.ask(2);
    CHECK(all.take() == lines{"start"});
    all.ready();
    CHECK(all.take() == lines{"text 1", "run 1", "run 2"});
    all.value(1);
    all.ask(3, 1, base::never, 2);
    all.ask(4);
    CHECK(all.take() == lines{"1 ok", "text 2", "run 3", "run 4"});
    for (const std::uint64_t each : {2, 3, 4}) all.value(each);
    CHECK(all.take() == lines{"2 ok", "3 ok", "4 ok"});
}

TEST_CASE("a run that takes too long fails alone, and its time begins when it does") {
    process_desk all;
    for (const std::uint64_t each : {1, 2, 3}) all.ask(each);
    all.ready();
    all.take();
    all.pass(90);
    all.value(1);
    CHECK(all.runs.next_deadline() == at_ms(190));
    all.pass(189);
    CHECK(all.take() == lines{"1 ok"});
    all.pass(190);
    CHECK(all.take() == lines{"2 resource_exhausted", "kill"});
    all.value(2);  // what it says now counts no more
    CHECK(all.take().empty());
    all.die();
    CHECK(all.take() == lines{"start"});
    all.ready();
    CHECK(all.take() == lines{"text 2", "run 3"});
}

TEST_CASE(
    "a run whose process dies is tried once more as the first of another, and the others, too") {
    process_desk all;
    for (const std::uint64_t each : {1, 2, 3}) all.ask(each);
    all.ready();
    all.value(1);
    all.take();
    all.die();
    CHECK(all.take() == lines{"start"});
    all.ready();
    CHECK(all.take() == lines{"text 2", "run 2", "run 3"});
    all.die();
    CHECK(all.take() == lines{"2 remote_exception", "start"});
    all.ready();
    CHECK(all.take() == lines{"text 3", "run 3"});
    all.value(3);
    CHECK(all.take() == lines{"3 ok"});
    all.die();  // it has nothing to do
    CHECK(all.take().empty());
}

TEST_CASE("if the process does not start, all that wait fail, and the next run tries again") {
    process_desk all;
    all.ask(1);
    all.ask(2);
    all.take();
    all.die();
    CHECK(all.take() == lines{"1 remote_exception", "2 remote_exception"});
    all.ask(3);
    CHECK(all.take() == lines{"start"});
}

TEST_CASE("a deadline ends a run wherever it is") {
    process_desk all;
    all.ask(1);
    all.ask(2, 1, at_ms(20));
    all.ready();
    all.ask(3, 1, at_ms(50));
    all.take();
    CHECK(all.runs.next_deadline() == at_ms(20));
    all.pass(20);
    CHECK(all.take() == lines{"2 deadline_exceeded"});
    all.value(1);
    all.value(2);  // nobody waits for it
    CHECK(all.take() == lines{"1 ok"});
    all.pass(50);
    CHECK(all.take() == lines{"3 deadline_exceeded", "kill"});
}

TEST_CASE("each link has a process of its own") {
    process_desk all;
    all.ask(1, 1);
    all.ready();
    all.value(1);
    all.take();
    all.runs.keep_only(2, at_ms(0), all.out);
    CHECK(all.take() == lines{"kill"});
    all.ask(2, 2);
    CHECK(all.take().empty());  // not before the old one has gone
    all.die();
    CHECK(all.take() == lines{"start"});
    all.ready();
    CHECK(all.take() == lines{"text 2", "run 2"});
    // What is of no link any more is given up, also what runs.
    all.ask(3, 2);
    all.runs.keep_only(0, at_ms(0), all.out);
    CHECK(all.take() == lines{"2 cancelled", "3 cancelled", "run 3", "kill"});
    all.die();
    CHECK(all.take().empty());
}

TEST_CASE("a run of another link waits until the process of the one before has gone") {
    process_desk all;
    all.ask(1, 1);
    all.ready();
    all.take();
    all.ask(2, 2);
    CHECK(all.take().empty());
    all.value(1);
    CHECK(all.take() == lines{"1 ok", "kill"});
    all.die();
    CHECK(all.take() == lines{"start"});
}

TEST_CASE("a process that answers what it was not asked is ended") {
    process_desk all;
    all.ask(1);
    all.ask(2);
    all.ready();
    all.take();
    SECTION("another run") { all.value(2); }
    SECTION("nothing that makes sense") { all.runs.answered(std::nullopt, at_ms(0), all.out); }
    SECTION("ready, a second time") { all.ready(); }
    CHECK(all.take() == lines{"kill"});
    all.die();
    CHECK(all.take() == lines{"start"});
}

TEST_CASE("a run whose answers make no sense fails with the second process, and not a third time") {
    process_desk all;
    all.ask(1);
    all.ask(2);
    for (const bool first : {true, false}) {
        all.ready();
        all.take();
        all.runs.answered(std::nullopt, at_ms(0), all.out);
        CHECK(all.take() == lines{"kill"});
        all.die();
        CHECK(all.take() == (first ? lines{"start"} : lines{"1 remote_exception", "start"}));
    }
    all.ready();
    CHECK(all.take() == lines{"text 3", "run 2"});
}

TEST_CASE("a process that was not started yet is not ended, and the next run starts one") {
    process_desk all;
    all.ask(1);
    all.runs.keep_only(2, at_ms(0), all.out);
    CHECK(all.take() == lines{"1 cancelled"});
    all.ask(2, 2);
    CHECK(all.take() == lines{"start"});
}

TEST_CASE("what was not said yet to a process that died is not said to the next one") {
    process_desk all;
    all.ask(1);
    all.ready();
    all.take();
    all.ask(2);
    all.die();
    CHECK(all.take() == lines{"start"});
    all.ready();
    CHECK(all.take() == lines{"text 2", "run 1", "run 2"});
}

TEST_CASE("so many runs are sent ahead, and so many texts are known, and no more") {
    process_desk all;
    for (std::uint64_t each = 1; each <= 100; ++each) all.ask(each);
    all.take();
    all.ready();
    CHECK(all.take().size() == 1 + 1 + core::script_runs::ahead_max);
    all.value(1);
    CHECK(all.take() == lines{"1 ok", "run 66"});

    process_desk many;
    for (std::uint32_t each = 0; each <= core::script_runs::texts_max; ++each) {
        auto script = std::make_shared<const detail::script_source>(detail::script_source{
            maus::script(std::to_string(each)).source()->id, "javascript", "x"});
        many.runs.ask({each, 1, script, {}}, at_ms(0), many.out);
        if (each == 0) many.ready();
        many.value(each);
    }
    const lines said = many.take();
    CHECK(std::count(said.begin(), said.end(), "forget") == 1);
}

TEST_CASE("what a worker and maus-js say to each other is read as it was said, or refused") {
    base::buffer said;
    helper::add(said, helper::text{3, "x => x"});
    base::buffer values;
    wire::encode(values, maus::arguments{1, "two"});
    helper::add_run(said, {7, 3, 5, {}}, values.view());
    base::byte_view left = said.view();
    const auto first = *helper::message_bytes(left);
    const auto one = helper::decode_request(left.first(first));
    CHECK(std::get<helper::text>(one.value()).source == "x => x");
    const auto two = helper::decode_request(left.subspan(first));
    CHECK(std::get<helper::run>(two.value()).arguments == maus::arguments{1, "two"});
    CHECK(std::get<helper::run>(two.value()).cpu_seconds == 5);
    for (std::size_t bytes = 5; bytes < first; ++bytes) {
        CHECK(!helper::decode_request(left.first(bytes)).ok());
    }
    CHECK(!helper::decode_answer(left.first(first)).ok());
    CHECK(!helper::message_bytes(left.first(3)).has_value());

    for (const helper::answer& each :
         {helper::answer{helper::ready{}}, helper::answer{helper::broken{"no"}},
          helper::answer{helper::threw{1, "TypeError", "no"}},
          helper::answer{helper::no_value{2, "no"}}}) {
        base::buffer bytes;
        helper::add(bytes, each);
        CHECK(helper::decode_answer(bytes.view()).value().index() == each.index());
    }
}
