// Large payloads in parts: PROTOCOL.md, section 6.1.
#include "catch.hpp"

#include <deque>

#include "maus/core/transfers.hpp"
#include "talk.hpp"

using namespace talk;
using core::transfer_window;
using core::transfers;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t piece = 100;

/// Bytes that take their time one after the other, and are said to be taken when they have come.
struct slow_wire {
    explicit slow_wire(double rate) : bytes_a_ms(rate) {}
    double bytes_a_ms;
    double busy_until = 0;
    double now = 0;
    std::deque<std::pair<double, std::uint64_t>> coming;
    std::uint64_t sent = 0;

    void send(transfer_window& window, std::size_t bytes) {
        window.sent(bytes, at_ms(static_cast<std::int64_t>(now)));
        sent += bytes;
        busy_until = std::max(busy_until, now) + static_cast<double>(bytes) / bytes_a_ms;
        coming.emplace_back(busy_until, sent);
    }
    void fill(transfer_window& window) {
        while (window.has_room(window.piece())) send(window, window.piece());
    }
    void take(transfer_window& window) {
        now = coming.front().first;
        REQUIRE(window.taken(coming.front().second, at_ms(static_cast<std::int64_t>(now))));
        coming.pop_front();
    }
};

base::buffer bytes_of(std::size_t count) {
    base::buffer made;
    for (std::size_t i = 0; i < count; ++i)
        *made.extend(1) = static_cast<std::byte>(i * 7 + i / 256);
    return made;
}

/// Both ends of a link, and what is on its way between them.
struct pair_of_ends {
    base::settings settings = [] {
        base::settings made;
        made.limits.payload_apart_bytes = piece / 2;
        made.limits.message_bytes_max = 10'000;
        return made;
    }();
    transfers from{transfers::side::manager, settings};
    transfers to{transfers::side::worker, settings};
    core::outbox out{settings}, back{settings};
    core::link_address there{.to = {7}, .relayed = {}}, here{.to = {8}, .relayed = {}};
    std::vector<wire::attempt> done;
    std::vector<std::pair<wire::attempt, std::string>> calls;  // that have come
    std::optional<base::failure> violation;
    std::size_t frame_bytes_max = 0;

    void add(std::uint64_t call, std::size_t bytes) {
        from.add({{{call}, {1}}, 3, false, bytes_of(bytes)});
        pump();
    }
    void pump() {
        for (const auto& each : from.pump(at_ms(0), there, out)) done.push_back(each);
    }
    /// All that is on its way to the worker arrives.
    void arrive() {
        for (auto& effect : out.effects()) read(std::get<core::send>(effect).message);
        out.clear();
    }
    void read(wire::message& what) {
        for (const auto& frame : what.rest)
            frame_bytes_max = std::max(frame_bytes_max, frame.size());
        to.came(what);
        wire::link_reader records{what, 64, &to.unfinished()};
        wire::record record;
        while (records.next(record)) {
            base::byte_view body = record.body;
            if (record.type != wire::record_type::call) continue;
            const auto of = wire::take_attempt(body);
            base::buffer payload;
            wire::take_payload(record, body, payload);
            calls.emplace_back(*of, std::string(base::as_text(payload.view())));
        }
        if (records.violation()) violation = records.violation();
        to.tell(here, back);
    }
    /// And what the worker says of it arrives at the manager.
    void acknowledge() {
        for (auto& effect : back.effects()) {
            wire::link_reader records{std::get<core::send>(effect).message};
            wire::record record;
            while (records.next(record)) {
                REQUIRE(record.type == wire::record_type::worker_taken);
                REQUIRE(from.taken(*wire::decode_stamp(record.body), at_ms(0)));
            }
        }
        back.clear();
        pump();
    }
    std::size_t messages() const { return const_cast<core::outbox&>(out).effects().size(); }
};

std::string text_of(std::size_t count) {
    const base::buffer made = bytes_of(count);
    return std::string(base::as_text(made.view()));
}

}  // namespace

TEST_CASE("transfer window: on a quick connection it opens as far as it may") {
    transfer_window window{piece};
    CHECK(window.size() == 4 * piece);
    slow_wire quick{1e6};
    for (int i = 0; i < 1000; ++i) {
        quick.fill(window);
        quick.take(window);
    }
    CHECK(window.size() == 512 * piece);
    CHECK(window.piece() == 16 * piece);
}

TEST_CASE("transfer window: on a slow connection what is on its way passes within half a second") {
    for (const double bytes_a_ms : {10.0, 3.0, 1.0}) {
        INFO(bytes_a_ms);
        transfer_window window{piece};
        slow_wire slow{bytes_a_ms};
        slow.fill(window);
        for (int i = 0; i < 1000; ++i) {
            slow.take(window);
            slow.fill(window);
            if (i < 50) continue;
            const double wait = slow.busy_until - slow.now;
            REQUIRE(wait <= 250 + 2 * piece / bytes_a_ms);
            // And the connection is never idle.
            REQUIRE(wait > 0);
        }
    }
}

TEST_CASE(
    "transfer window: a connection that becomes slow is noticed, and one that becomes longer") {
    transfer_window window{piece};
    slow_wire link{1000};
    for (int i = 0; i < 1000; ++i) {
        link.fill(window);
        link.take(window);
    }
    REQUIRE(window.size() == 512 * piece);
    link.bytes_a_ms = 1;
    for (int i = 0; i < 1000; ++i) {
        if (link.coming.empty()) link.fill(window);
        link.take(window);
        link.fill(window);
    }
    CHECK(window.size() <= 8 * piece);
    // Now everything takes 400 ms more, however little is sent.
    std::int64_t now = static_cast<std::int64_t>(link.now);
    while (!link.coming.empty()) link.take(window);
    std::uint64_t sent = link.sent;
    for (int i = 0; i < 100; ++i) {
        const std::uint64_t before = sent;
        for (; window.has_room(window.piece()); sent += window.piece()) {
            window.sent(window.piece(), at_ms(now));
        }
        REQUIRE(sent > before);
        now += 400;
        REQUIRE(window.taken(sent, at_ms(now)));
    }
    CHECK(window.size() == 512 * piece);
}

TEST_CASE("transfer window: who does not use it does not open it") {
    transfer_window window{piece};
    std::uint64_t sent = 0;
    for (int i = 0; i < 1000; ++i) {
        window.sent(piece, at_ms(i));
        sent += piece;
        REQUIRE(window.taken(sent, at_ms(i)));
    }
    CHECK(window.size() == 4 * piece);
}

TEST_CASE(
    "transfer window: of whole payloads only some are asked about, and half of it always is") {
    transfer_window window{piece};  // 4 pieces
    CHECK_FALSE(window.sent_whole(piece, at_ms(0)));
    CHECK(window.sent_whole(piece, at_ms(0)));
    CHECK_FALSE(window.sent_whole(piece, at_ms(0)));
    CHECK_FALSE(window.has_room(2 * piece));
    REQUIRE(window.taken(2 * piece, at_ms(0)));
    CHECK(window.has_room(2 * piece));
    CHECK_FALSE(window.stands_still(at_ms(100'000), milliseconds{1}));
    // What is not asked about never keeps the rest waiting for ever.
    window.sent(piece, at_ms(0));
    REQUIRE(
        window.taken(4 * piece, at_ms(10'000)));  // so slow that it shrinks to less than is sent
    CHECK_FALSE(window.sent_whole(piece / 4, at_ms(10'000)));
    CHECK(window.has_room(4 * piece));
}

TEST_CASE("transfer window: what cannot be is refused") {
    transfer_window window{piece};
    CHECK_FALSE(window.taken(1, at_ms(0)));
    window.sent(50, at_ms(0));
    CHECK(window.taken(50, at_ms(0)));
    CHECK(window.taken(50, at_ms(0)));
    CHECK_FALSE(window.taken(49, at_ms(0)));
    CHECK_FALSE(window.taken(51, at_ms(0)));
    CHECK(window.taken(50, at_ms(0)));
}

TEST_CASE("transfer window: it stands still when something is on its way and nothing comes") {
    transfer_window window{piece};
    const auto bound = milliseconds{3000};
    CHECK_FALSE(window.stands_still(at_ms(10'000), bound));
    window.sent(50, at_ms(10'000));
    window.sent(50, at_ms(12'000));
    CHECK_FALSE(window.stands_still(at_ms(12'999), bound));
    CHECK(window.stands_still(at_ms(13'000), bound));
    REQUIRE(window.taken(50, at_ms(13'000)));
    CHECK_FALSE(window.stands_still(at_ms(15'999), bound));
    CHECK(window.stands_still(at_ms(16'000), bound));
    REQUIRE(window.taken(100, at_ms(16'000)));
    CHECK_FALSE(window.stands_still(at_ms(30'000), bound));
}

TEST_CASE("transfers: what fits goes whole, and what does not in parts; both come as they were") {
    pair_of_ends ends;
    ends.add(1, 2 * piece);
    CHECK(ends.messages() == 1);
    ends.arrive();
    ends.acknowledge();
    ends.add(2, 3 * piece + 1);  // the window has grown by what was taken
    CHECK(ends.messages() == 4);
    for (int i = 0; i < 100 && ends.calls.size() < 2; ++i) {
        ends.arrive();
        ends.acknowledge();
    }
    ends.add(3, 9999);
    CHECK(ends.from.unsent() == 1);
    for (int i = 0; i < 100 && ends.calls.size() < 3; ++i) {
        ends.arrive();
        ends.acknowledge();
    }
    CHECK(ends.from.unsent() == 0);
    REQUIRE(ends.calls.size() == 3);
    CHECK_FALSE(ends.violation);
    CHECK(ends.calls[0].second == text_of(2 * piece));
    CHECK(ends.calls[1].second == text_of(3 * piece + 1));
    CHECK(ends.calls[2].second == text_of(9999));
    CHECK(ends.done.size() == 3);
}

TEST_CASE("transfers: no more is sent than there is room for, and one after the other") {
    pair_of_ends ends;
    ends.add(1, 1000);
    ends.add(2, 1000);
    ends.add(3, 60);
    CHECK(ends.messages() == 4);
    CHECK(ends.done.empty());
    for (int i = 0; i < 100 && ends.calls.size() < 3; ++i) {
        ends.arrive();
        ends.acknowledge();
    }
    REQUIRE(ends.calls.size() == 3);
    CHECK(ends.calls[0].first.call.value == 1);
    CHECK(ends.calls[1].first.call.value == 2);
    CHECK(ends.calls[2].first.call.value == 3);
    CHECK(ends.to.unfinished().bytes.empty());
}

TEST_CASE("transfers: what is withdrawn in the middle is dropped at the other end") {
    pair_of_ends ends;
    ends.add(1, 1000);
    ends.add(2, 1000);
    ends.add(3, 1000);
    ends.arrive();
    CHECK(ends.to.unfinished().bytes.size() == 4 * piece);
    ends.from.withdraw({{1}, {1}}, ends.there, ends.out);
    ends.from.withdraw({{2}, {1}}, ends.there, ends.out);
    ends.from.withdraw({{4}, {1}}, ends.there, ends.out);
    ends.arrive();
    CHECK(ends.to.unfinished().bytes.empty());
    for (int i = 0; i < 100 && ends.calls.empty(); ++i) {
        ends.acknowledge();
        ends.arrive();
    }
    REQUIRE(ends.calls.size() == 1);
    CHECK(ends.calls[0].first.call.value == 3);
    CHECK(ends.calls[0].second == text_of(1000));
    CHECK_FALSE(ends.violation);
}

TEST_CASE("transfers: the flag of a last piece means nothing on a part") {
    pair_of_ends ends;
    auto first = link_message(ends.settings.limits, [](auto& to) {
        to.part_of_payload(wire::record_type::manager_part, 0, bytes_of(10));
    });
    ends.read(first);
    auto odd = link_message(ends.settings.limits, [](auto& to) {
        to.part_of_payload(wire::record_type::manager_part, 0, bytes_of(3));
    });
    odd.first.data()[wire::header_bytes + 5] |= std::byte{wire::flag_continued};
    ends.read(odd);
    CHECK_FALSE(ends.violation);
    // Else the 10 bytes came again, in the frame of each such part.
    CHECK(odd.rest.front().size() == 3);
}

TEST_CASE("transfers: what breaks the rules is named") {
    struct row {
        const char* about;
        std::function<void(wire::link_writer&)> say;
        std::string why;
    };
    using type = wire::record_type;
    const wire::attempt of{{1}, {1}};
    const auto part = [](std::uint64_t offset, std::size_t bytes) {
        return [=](wire::link_writer& to) {
            to.part_of_payload(type::manager_part, offset, bytes_of(bytes));
        };
    };
    const std::vector<row> rows = {
        {"a gap", part(11, 1), "a part does not follow the one before"},
        {"an overlap", part(9, 1), "a part does not follow the one before"},
        {"the wrong side", [](auto& to) { to.part_of_payload(type::worker_part, 10, bytes_of(1)); },
         "a part that only the other side sends"},
        {"more than message_bytes_max", part(10, 9991),
         "a payload in parts is larger than message_bytes_max, 10000"},
        {"the same, by its last piece",
         [&](auto& to) { to.last_of_call(of, 0, false, bytes_of(9991)); },
         "a payload in parts is larger than message_bytes_max, 10000"},
    };
    for (const auto& each : rows) {
        INFO(each.about);
        pair_of_ends ends;
        auto first = link_message(ends.settings.limits, part(0, 10));
        ends.read(first);
        REQUIRE_FALSE(ends.violation);
        auto bad = link_message(ends.settings.limits, each.say);
        ends.read(bad);
        REQUIRE(ends.violation);
        CHECK(ends.violation->message == each.why);
        CHECK(ends.calls.empty());
    }
    pair_of_ends ends;
    auto last = link_message(ends.settings.limits,
                             [&](auto& to) { to.last_of_call(of, 0, false, bytes_of(1)); });
    ends.read(last);
    REQUIRE(ends.violation);
    CHECK(ends.violation->message == "the last piece of a payload without parts");
}

TEST_CASE("transfers: exactly message_bytes_max passes, and nothing is kept of it") {
    pair_of_ends ends;
    ends.add(1, 10'000);
    for (int i = 0; i < 100 && ends.calls.empty(); ++i) {
        ends.arrive();
        ends.acknowledge();
    }
    REQUIRE(ends.calls.size() == 1);
    CHECK(ends.calls[0].second == text_of(10'000));
    CHECK(ends.to.unfinished().bytes.empty());
}

TEST_CASE(
    "transfers: without the feature a part ends the link, and the last piece is the payload") {
    limits bounds;
    auto part = link_message(bounds, [](auto& to) {
        to.part_of_payload(wire::record_type::manager_part, 0, bytes_of(1));
    });
    wire::link_reader refused{part};
    wire::record record;
    CHECK_FALSE(refused.next(record));
    REQUIRE(refused.violation());
    CHECK(refused.violation()->code == errc::protocol_violation);
    auto last = link_message(bounds, [](auto& to) {
        to.last_of_call({{1}, {1}}, 0, false, bytes_of(5));
    });
    wire::link_reader taken{last};
    REQUIRE(taken.next(record));
    REQUIRE(record.apart != nullptr);
    CHECK(record.apart->size() == 5);
}

TEST_CASE("transfers: how many are not sent is known, and not counted each time") {
    pair_of_ends ends;
    constexpr std::uint64_t many = 1u << 18;
    for (std::uint64_t call = 1; call <= many; ++call) {
        ends.from.add({{{call}, {1}}, 3, false, bytes_of(1)});
        if (call % 4 != 0) continue;
        transfers::transfer asked{{{call}, {1}}, 0, false, bytes_of(1)};
        asked.callback = wire::callback{};
        ends.from.add(std::move(asked));
    }
    CHECK(ends.from.unsent() == many);
    // Who counted each time would look at 2^41 of them here, and not end today.
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < 32 * many; ++i) sum += ends.from.unsent();
    CHECK(sum == 32 * many * many);
    ends.pump();
    const std::size_t sent = ends.done.size();
    CHECK(sent > 0);
    CHECK(ends.from.unsent() == many - sent);
    ends.from.withdraw({{sent + 2}, {1}}, ends.there, ends.out);
    ends.from.withdraw({{many + 7}, {1}}, ends.there, ends.out);
    CHECK(ends.from.unsent() == many - sent - 1);
}
