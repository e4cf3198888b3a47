// Calls whose workers expose another signature than the caller's ([P-98]).
#include "catch.hpp"

#include "maus/core/dispatcher.hpp"
#include "maus/wire/archive.hpp"
#include "talk.hpp"

using namespace talk;

namespace {

constexpr std::uint32_t values_to_f = 0, int_to_f = 1, int_to_g = 2;

template <class... Ts>
base::buffer typed_payload(const Ts&... values) {
    base::buffer made;
    wire::encode(made, values...);
    return made;
}

struct converting_desk {
    base::settings settings;
    core::dispatcher calls{settings};
    core::outbox out{settings};
    std::vector<core::settled> done;
    std::uint64_t tickets = 0;
    std::vector<core::call_id> ids;

    converting_desk() {
        calls.define({values_to_f}, "f(...)->any");
        calls.define({int_to_f}, "f(i32)->i32");
        calls.define({int_to_g}, "g(i32)->i32");
        calls.add_group({1}, {}, at_ms(0));
    }
    core::link_index worker(std::uint64_t route, std::vector<std::string> signatures) {
        const auto made = calls.add_link({base::route{route}, {}}, std::to_string(route),
                                         std::move(signatures), 1);
        calls.join(made, {1}, done);
        return made;
    }
    maus::call_options options;
    template <class... Ts>
    void submit(std::uint32_t method, const Ts&... values) {
        core::submission made;
        made.options = options;
        made.group = {1};
        made.method = {method};
        made.ticket = ++tickets;
        made.payload = typed_payload(values...);
        ids.push_back(calls.submit(std::move(made), at_ms(0), done));
    }
    /// The payloads of the calls that are sent now, one behind the other.
    std::string pump() {
        calls.pump(at_ms(0), out, done);
        std::string sent;
        for (auto& each : out.effects()) {
            auto* const message = std::get_if<core::send>(&each);
            if (message == nullptr) continue;
            wire::link_reader records{message->message};
            wire::record record;
            while (records.next(record)) {
                base::byte_view body = record.body;
                (void)wire::take_attempt(body);
                sent += base::as_text(body);
            }
        }
        out.clear();
        return sent;
    }
    template <class... Ts>
    void answer(core::link_index from, std::uint64_t ticket, std::uint32_t attempt,
                const Ts&... values) {
        auto message = link_message(settings.limits, [&](wire::link_writer& to) {
            to.result({ids[ticket - 1], {attempt}}, typed_payload(values...));
        });
        wire::link_reader records{message};
        wire::record record;
        REQUIRE(records.next(record));
        REQUIRE(calls.answer(from, record, at_ms(0), done));
    }
    std::string settled() {
        std::string said;
        for (const auto& each : done) {
            said += std::to_string(each.ticket) + " " +
                    (each.result.error ? std::string(to_string(*each.result.error)) : "ok") + "; ";
        }
        return said;
    }
};

std::string text_in(const base::buffer& bytes) { return std::string(base::as_text(bytes.view())); }

}  // namespace

TEST_CASE("a call of values is sent as its worker's signature says, and its result comes back") {
    converting_desk all;
    const auto typed = all.worker(1, {"f(i32)->i32"});
    all.submit(values_to_f, value(7));
    CHECK(all.pump() == text_in(typed_payload(7)));
    all.answer(typed, 1, 1, 8);
    REQUIRE(all.settled() == "1 ok; ");
    CHECK(text_in(all.done[0].result.payload) == text_in(typed_payload(value(8))));
}

TEST_CASE("what cannot be converted is settled and holds up nothing behind it") {
    converting_desk all;
    const auto typed = all.worker(1, {"f(i32)->i32", "g(i32)->i32"});
    all.submit(values_to_f, value("x"));
    all.submit(values_to_f);
    all.submit(values_to_f, value(1));
    all.submit(int_to_g, 2);
    CHECK(all.pump() == text_in(typed_payload(2, 1)));  // what is behind them waits for its turn
    CHECK(all.settled() == "1 bad_arguments; 2 signature_mismatch; ");
    all.done.clear();
    all.answer(typed, 3, 1, 1);
    all.answer(typed, 4, 1, 2);
    CHECK(all.settled() == "3 ok; 4 ok; ");
    CHECK(all.calls.outstanding() == 0);
}

TEST_CASE("a call that its worker takes as it is goes on to one that takes it converted") {
    converting_desk all;
    const auto first = all.worker(1, {"f(i32)->i32"});
    all.submit(int_to_f, 7);
    CHECK(all.pump() == text_in(typed_payload(7)));
    const auto second = all.worker(2, {"f(...)->any"});
    all.calls.remove_link(first, core::link_end::lost, "it died", at_ms(0), all.done);
    CHECK(all.pump() == text_in(typed_payload(value(7))));
    all.answer(second, 1, 2, value(9.0));
    REQUIRE(all.settled() == "1 ok; ");
    CHECK(text_in(all.done[0].result.payload) == text_in(typed_payload(9)));
}

TEST_CASE("a result that does not fit its caller is bad_result, and counts as an error") {
    converting_desk all;
    all.options.label = std::string("nightly");
    const auto dynamic = all.worker(1, {"f(...)->any"});
    all.submit(int_to_f, 7);
    (void)all.pump();
    all.answer(dynamic, 1, 1, value("x"));
    REQUIRE(all.settled() == "1 bad_result; ");
    CHECK(all.done[0].result.about->label.view() == "nightly");
    CHECK(all.done[0].result.about->function == "f");
    CHECK_THAT(all.done[0].result.about->text, maus_test::has_text("exposed as f(...)->any"));
    CHECK(all.calls.counters().results == 0);
    CHECK(all.calls.counters().errors == 1);
}

TEST_CASE("without any in one of them, other signatures are refused as ever") {
    converting_desk all;
    all.worker(1, {"f(i64)->i32"});
    all.submit(int_to_f, 7);
    CHECK(all.settled() == "1 signature_mismatch; ");
}
