// Section 6.4, streams: real workers by a fake manager, and real managers by fake workers.
#include "catch.hpp"

#include <atomic>
#include <future>

#include "maus/stream.hpp"
#include "real.hpp"

using namespace spec;

namespace {

constexpr u16 tag_stream_credit = 8;
const std::vector<std::string> streams_only = {"streams"};

struct item_body {
    attempt of;
    u32 items = 0;
    void fields(auto& io) { io(of, items); }
};
struct more_body {
    attempt of;
    u32 items = 0;
    u64 bytes = 0;
    void fields(auto& io) { io(of, items, bytes); }
};

constexpr u8 error_number(maus::errc code) { return static_cast<u8>(code); }

bytes credit(u32 items, u64 bytes_max = 1u << 20, u64 skip = 0) {
    return extension(tag_stream_credit, payload(items, bytes_max, skip));
}
record stream_call(u64 call, u16 function, const bytes& extended, const bytes& arguments) {
    return with_extensions(a_call({call, 1}, function, arguments), extended);
}
record item(const attempt& of, u32 count, const bytes& inside) {
    return {r_item, 0, 0, encoded(item_body{of, count}) + inside, {}};
}
/// The items that a record has.
std::vector<bytes> items_of(const record& from) {
    const auto head = decoded<item_body>(from.body.substr(0, 16));
    if (from.apart) REQUIRE(from.body.size() == 16);
    const bytes inside = from.apart ? *from.apart : from.body.substr(16);
    if (head.items == 1) return {inside};
    std::vector<bytes> all;
    reader in(inside);
    for (u32 i = 0; i < head.items; ++i) in(all.emplace_back());
    CHECK(in.left() == 0);
    return all;
}

/// "add(i32,i32)->i32", "count(i32)->stream<i32>", "fails(i32)->stream<i32>", served to a fake manager.
struct served_streams {
    log_book log;
    fake_manager manager;
    std::atomic<int> given{0};
    std::promise<void> gone;
    maus::worker worker;
    fake_manager::guest guest;

    explicit served_streams(std::vector<std::string> features = streams_only)
        : worker(with_log()), guest(connect(std::move(features))) {}
    spec::link& link() { return guest.link; }
    /// So many items; each must be the number behind the one before.
    void hear(u64 call, int first, int count) {
        for (int next = first; next < first + count;) {
            const record came = link().next(r_item);
            CHECK(attempt_of(came) == attempt{call, 1});
            for (const auto& each : items_of(came)) CHECK(each == payload(next++));
        }
    }
    void give_more(u64 call, u32 items, u64 bytes_more = 1u << 20) {
        link().send(to_record(r_more, more_body{{call, 1}, items, bytes_more}));
    }
    /// Until all that was said here has been done.
    bool add_works(u64 call) {
        link().send(a_call({call, 1}, 0, payload(20, 22)));
        return payload_of(link().next(r_result)) == payload(42);
    }
    u8 ends_with(const record& said) {
        link().send(said);
        return decoded<parting>(link().next(r_worker_goodbye).body).error;
    }

private:
    maus::worker_options with_log() {
        maus::worker_options options;
        options.log = log.writer();
        return options;
    }
    fake_manager::guest connect(std::vector<std::string> features) {
        worker.expose("add", [](int x, int y) { return x + y; });
        worker.expose("count", [this](int to) -> maus::generator<int> {
            const struct farewell {
                ~farewell() { told.set_value(); }
                std::promise<void>& told;
            } at_end{gone};
            for (int i = 0; i < to; ++i) {
                given = i + 1;
                co_yield i;
            }
        });
        worker.expose("fails", [](int after) -> maus::generator<int> {
            for (int i = 0; i < after; ++i) co_yield i;
            throw std::out_of_range("not there");
        });
        worker.connect(manager.workers.endpoint());
        worker.start();
        manager.self.features = std::move(features);
        return manager.welcome_one();
    }
};
constexpr u16 f_count = 1, f_fails = 2;

/// A fake worker of a stream function, and the real manager that has it.
struct streaming {
    managed other;
    fake_worker worker;

    explicit streaming(std::vector<std::string> features = streams_only,
                       maus::manager_options options = manager_options())
        : other(std::move(options)) {
        worker.self.signatures = {"add(i32,i32)->i32", "count(i32)->stream<i32>"};
        worker.self.features = std::move(features);
        worker.connect(other.endpoint());
        (void)worker.welcomed();
    }
    maus::stream<int> count(const maus::call_options& options = {}) {
        return other.workers.with(options).call<maus::stream<int>>("count", 5);
    }
    u8 ends_with(const record& said) {
        worker.link->send(said);
        return decoded<parting>(worker.link->next(r_manager_goodbye).body).error;
    }
};

/// The credit of a call.
more_body credit_of(const record& call) {
    const auto at = call.body.find(payload(tag_stream_credit, u32{20}));
    REQUIRE(at != bytes::npos);
    more_body read;
    reader in(call.body.substr(at + 6, 12));
    in(read.items, read.bytes);
    return read;
}

maus::errc end_of(maus::stream<int>& from) {
    try {
        while (from.wait_for(patience) && from.read()) {
        }
    } catch (const maus::error& failed) {
        return failed.code();
    }
    return maus::errc{};
}

maus::manager_options with_window(std::size_t items, std::size_t bytes_max = 1u << 20) {
    auto options = manager_options();
    options.limits.stream_items_max = items;
    options.limits.stream_bytes_max = bytes_max;
    return options;
}

}  // namespace

TEST_CASE("P-113: a stream function is called as any other; its result is its items") {
    served_streams all;
    CHECK(all.guest.said.signatures == std::vector<std::string>{"add(i32,i32)->i32",
                                                                "count(i32)->stream<i32>",
                                                                "fails(i32)->stream<i32>"});
    all.link().send(stream_call(1, f_count, credit(10), payload(3)));
    all.hear(1, 0, 3);
    CHECK(payload_of(all.link().next(r_result)).empty());
}

TEST_CASE("P-113: without the feature a worker refuses, and item and more break the protocol") {
    served_streams all(std::vector<std::string>{});
    all.link().send(stream_call(1, f_count, credit(10), payload(3)));
    CHECK(decoded<fault>(all.link().next(r_failed).body).error ==
          error_number(maus::errc::unimplemented));
    CHECK(all.add_works(2));
    CHECK(all.ends_with(to_record(r_more, more_body{{1, 1}, 1, 1})) ==
          error_number(maus::errc::protocol_violation));

    streaming other(std::vector<std::string>{});
    auto call = other.count();
    CHECK(end_of(call) == maus::errc::no_such_function);
    CHECK(other.ends_with(item({1, 1}, 1, payload(0))) ==
          error_number(maus::errc::protocol_violation));
}

TEST_CASE("P-113: a stream anywhere but as the result is no signature") {
    const std::string bad =
        GENERATE("f(stream<i32>)->void", "f()->list<stream<i32>>", "f()->stream<void>");
    managed other;
    fake_worker worker;
    worker.self.signatures = {bad};
    worker.connect(other.endpoint());
    CHECK(decoded<parting>(worker.link->next(r_reject).body).error ==
          error_number(maus::errc::protocol_violation));
}

TEST_CASE("P-114: a worker sends items while it has credit, in items and in bytes, and skips") {
    served_streams all;
    const bool by_bytes = GENERATE(false, true);
    const auto once = by_bytes ? credit(1000, 13, 2) : credit(4, 1u << 20, 2);
    all.link().send(stream_call(1, f_count, once, payload(9)));
    all.hear(1, 2, 4);  // by bytes, the last one has one byte left
    CHECK(attempt_of(all.link().next(r_detached)) == attempt{1, 1});
    CHECK(all.add_works(2));
    CHECK(all.given <= 7);
    if (by_bytes) {
        all.give_more(1, 0, 3);  // what the last one had too many
        CHECK(all.add_works(3));
        all.give_more(1, 0, 1000);
    } else {
        all.give_more(77, 1);  // of no call
        all.give_more(1, 2, 0);
        all.hear(1, 6, 2);
        CHECK(all.add_works(3));
        all.give_more(1, 100);
    }
    all.hear(1, by_bytes ? 6 : 8, by_bytes ? 3 : 1);
    CHECK(payload_of(all.link().next(r_result)).empty());
}

TEST_CASE("P-114: a call without credit sends nothing before it gets some") {
    served_streams all;
    all.link().send(a_call({1, 1}, f_count, payload(2)));
    CHECK(attempt_of(all.link().next(r_detached)) == attempt{1, 1});
    CHECK(all.given == 0);
    all.give_more(1, 2);
    all.hear(1, 0, 2);
    all.give_more(1, 1);  // it is not asked for a third one before, and so not at its end
    CHECK(payload_of(all.link().next(r_result)).empty());
}

TEST_CASE("P-114: a bad extension ends the link") {
    served_streams all;
    CHECK(all.ends_with(stream_call(1, f_count, extension(tag_stream_credit, "short"),
                                    payload(2))) == error_number(maus::errc::protocol_violation));
}

TEST_CASE("P-114: a manager tells its credit, and gives more as items are read") {
    streaming with(streams_only, with_window(4));
    auto call = with.count();
    const record came = with.worker.link->next(r_call);
    const attempt of = attempt_of(came);
    CHECK(credit_of(came).items == 4);
    CHECK(credit_of(came).bytes == 1u << 20);
    // Alone, two with their lengths, and one in a frame of its own.
    record apart = item(of, 1, {});
    apart.flags = flag_apart;
    apart.apart = payload(3);
    const auto both = payload(payload(1), payload(2));
    with.worker.link->send({item(of, 1, payload(0)), item(of, 2, both), apart});
    for (int i = 0; i < 4; ++i) CHECK(call.read() == i);
    u32 more = 0;
    while (more < 4) {
        const auto told = decoded<more_body>(with.worker.link->next(r_more).body);
        CHECK(told.of == of);
        more += told.items;
    }
    CHECK(more == 4);
    with.worker.link->send(with_payload(r_result, of, {}));
    CHECK(call.read() == std::nullopt);
}

TEST_CASE("P-114: items beyond the credit, and what is no items, break the protocol") {
    streaming with(streams_only, with_window(2, 100));
    auto call = with.count();
    const attempt of = attempt_of(with.worker.link->next(r_call));
    const std::vector<record> bad{item(of, 3, payload(payload(1), payload(2), payload(3))),
                                  item(of, 2, payload(bytes(100, 'x'), payload(1))),
                                  item(of, 0, {}),
                                  item(of, 2, payload(payload(1))),
                                  item(of, 2, payload(payload(1), payload(2)) + "x"),
                                  {r_item, 0, 0, encoded(of), {}}};
    const auto& said = bad.at(GENERATE(0u, 1u, 2u, 3u, 4u, 5u));
    CHECK(with.ends_with(said) == error_number(maus::errc::protocol_violation));
}

TEST_CASE("P-114: items of an attempt that is not current mean nothing") {
    streaming with;
    auto call = with.count();
    const attempt of = attempt_of(with.worker.link->next(r_call));
    with.worker.link->send({item({of.call + 1, 1}, 1, payload(7)),
                            item({of.call, 2}, 1, payload(7)), item(of, 1, payload(0)),
                            with_payload(r_result, of, {}), item(of, 1, payload(1))});
    CHECK(call.read() == 0);
    CHECK(call.read() == std::nullopt);
    auto sum = with.other.add(1, 2);  // the link goes on
    with.worker.answer(with.worker.next_call(), payload(3));
    CHECK(sum.get() == 3);
}

TEST_CASE("P-115: a stream ends with the answer, behind its items") {
    served_streams all;
    all.link().send(stream_call(1, f_fails, credit(10), payload(3)));
    all.hear(1, 0, 3);
    const auto failed = decoded<fault>(all.link().next(r_failed).body);
    CHECK(failed.error == error_number(maus::errc::remote_exception));
    CHECK(failed.text == "not there");

    streaming with;
    auto call = with.count();
    const attempt of = attempt_of(with.worker.link->next(r_call));
    with.worker.link->send({item(of, 1, payload(0)), to_record(r_failed, fault{of, 7, "t", "no"})});
    CHECK(call.read() == 0);
    CHECK(end_of(call) == maus::errc::remote_exception);
}

TEST_CASE("P-115: a cancel ends the function between two items, and so does the end of its link") {
    const bool cancels = GENERATE(true, false);
    served_streams all;
    all.link().send(stream_call(1, f_count, credit(2), payload(1'000'000)));
    all.hear(1, 0, 2);
    CHECK(attempt_of(all.link().next(r_detached)) == attempt{1, 1});
    if (cancels) {
        all.link().send(to_record(r_cancel, attempt{1, 1}));
        CHECK(decoded<fault>(all.link().next(r_failed).body).error ==
              error_number(maus::errc::cancelled));
    } else {
        all.link().send(to_record(r_manager_goodbye, parting{6, "over"}));
    }
    CHECK(all.gone.get_future().wait_for(patience) == std::future_status::ready);
}

TEST_CASE("P-115: an attempt's time is that between two items, and runs while there is credit") {
    streaming with(streams_only, with_window(1));
    auto call = with.count({.attempt_timeout = std::chrono::milliseconds{200}});
    const attempt of = attempt_of(with.worker.link->next(r_call));
    with.worker.link->send(item(of, 1, payload(0)));
    CHECK(call.read() == 0);  // it has credit again, and gives nothing
    CHECK(end_of(call) == maus::errc::attempt_timeout);
}

TEST_CASE("P-116: a stream without items is tried again, one with items breaks") {
    streaming with;
    auto call = with.count();
    CHECK(attempt_of(with.worker.link->next(r_call)).number == 1);
    with.worker.socket->close();
    fake_worker second;
    second.self.signatures = with.worker.self.signatures;
    second.self.features = streams_only;
    second.connect(with.other.endpoint());
    (void)second.welcomed();
    const attempt of = attempt_of(second.link->next(r_call));
    CHECK(of.number == 2);
    second.link->send(item(of, 1, payload(0)));
    CHECK(call.read() == 0);
    second.socket->close();
    try {
        (void)call.read();
        FAIL("the stream goes on");
    } catch (const maus::error& broken) {
        CHECK(broken.code() == maus::errc::stream_broken);
        CHECK(broken.delivered() == 1);
    }
}

TEST_CASE("P-116: a replayable stream goes on with what has not come") {
    streaming with(streams_only, with_window(4));
    auto call = with.count({.replayable = true});
    const attempt first = attempt_of(with.worker.link->next(r_call));
    with.worker.link->send(item(first, 2, payload(payload(0), payload(1))));
    CHECK(call.read() == 0);
    with.worker.socket->close();
    fake_worker second;
    second.self.signatures = with.worker.self.signatures;
    second.self.features = streams_only;
    second.connect(with.other.endpoint());
    (void)second.welcomed();
    const record again = second.link->next(r_call);
    const attempt of = attempt_of(again);
    CHECK(of.number == 2);
    CHECK(again.body.find(payload(tag_stream_credit, u32{20}, u32{2})) != bytes::npos);
    CHECK(again.body.find(payload(u64{2}) + payload(5)) != bytes::npos);  // skip, then the argument
    second.link->send({item(of, 1, payload(2)), with_payload(r_result, of, {})});
    CHECK(call.read() == 1);
    CHECK(call.read() == 2);
    CHECK(call.read() == std::nullopt);
}

TEST_CASE("P-116: a worker that returns a call of which it has sent items breaks the protocol") {
    streaming with;
    auto call = with.count();
    const attempt of = attempt_of(with.worker.link->next(r_call));
    with.worker.link->send(item(of, 1, payload(0)));
    CHECK(with.ends_with(to_record(r_returned, of)) ==
          error_number(maus::errc::protocol_violation));
}
