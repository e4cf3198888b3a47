// Section 6.1, transfers: real workers by a fake manager, and real managers by fake workers.
#include "catch.hpp"

#include "real.hpp"

using namespace spec;

namespace {

const std::vector<std::string> with_transfer = {"transfer"}, without_transfer;
constexpr std::size_t large = 3u << 20;  // more than any window is at first

/// The encoding of a text of `count` bytes, with its length in front.
bytes text_of(std::size_t count) { return payload(bytes(count, 't')); }

record part(u8 type, u64 offset, bytes piece) {
    return {type, flag_apart, 0, payload(offset), std::move(piece)};
}
record last_of(record plain, bytes piece) {
    plain.flags |= flag_apart | flag_continued;
    plain.apart = std::move(piece);
    return plain;
}

struct u64_field {
    u64 value = 0;
    void fields(auto& io) { io(value); }
};

/// length(str)->u64 and text(u64)->str, served to a fake manager that may have the feature.
struct served_texts {
    log_book log;
    fake_manager manager;
    maus::worker worker;
    fake_manager::guest guest;

    explicit served_texts(std::vector<std::string> features = with_transfer,
                          maus::worker_options options = {})
        : worker(with_log(std::move(options))), guest(connect(std::move(features))) {}
    spec::link& link() { return guest.link; }
    u64 length(u64 call) {
        const record answer = link().next(r_result);
        REQUIRE(attempt_of(answer).call == call);
        return decoded<u64_field>(payload_of(answer)).value;
    }
    /// The error by which the link ends after this.
    u8 ends_with(const record& said) {
        link().send(said);
        return decoded<parting>(link().next(r_worker_goodbye).body).error;
    }

private:
    maus::worker_options with_log(maus::worker_options options) {
        options.log = log.writer();
        return options;
    }
    fake_manager::guest connect(std::vector<std::string> features) {
        worker.expose("length", [](const std::string& text) { return std::uint64_t{text.size()}; });
        worker.expose("text", [](std::uint64_t count) { return std::string(count, 't'); });
        worker.connect(manager.workers.endpoint());
        worker.start();
        manager.self.features = std::move(features);
        return manager.welcome_one();
    }
};
constexpr u16 f_length = 0, f_text = 1;

/// A fake worker of such functions.
struct texts_worker : fake_worker {
    explicit texts_worker(const std::string& manager,
                          std::vector<std::string> features = with_transfer) {
        self.signatures = {"length(str)->u64"};
        self.features = std::move(features);
        connect(manager);
        (void)welcomed();
    }
};

/// The next call or result with a large payload, in however many parts that comes.
record whole_record(spec::link& from, u8 part_type, u8 taken_type, u8 type) {
    bytes joined;
    u64 came = 0;
    for (;;) {
        auto got = from.receive(patience);
        if (!got) throw std::runtime_error("the rest of a payload did not come");
        if (!got->apart) continue;
        came += got->apart->size();
        from.send(to_record(taken_type, came));
        if (got->type == part_type) {
            REQUIRE(got->body == payload(u64{joined.size()}));
            joined += *got->apart;
        } else {
            REQUIRE(got->type == type);
            REQUIRE(((got->flags & flag_continued) != 0) == !joined.empty());
            got->apart = joined + *got->apart;
            return *got;
        }
    }
}

}  // namespace

TEST_CASE("P-82: without the feature payloads come whole, and nobody says what was taken") {
    served_texts all(without_transfer);
    all.link().send(a_call({1, 1}, f_text, payload(u64{large})));
    record answer = all.link().next(r_result);
    CHECK(answer.flags == flag_apart);
    CHECK(payload_of(answer) == text_of(large));
    record call = a_call({2, 1}, f_length, {}, flag_apart);
    call.apart = text_of(large);
    all.link().send(call);
    CHECK(all.link().never(r_worker_taken));

    managed other;
    texts_worker worker(other.endpoint(), without_transfer);
    auto length = other.workers.call<std::uint64_t>("length", std::string(large, 't'));
    call = worker.next_call();
    CHECK(call.flags == flag_apart);
    answer = with_payload(r_result, attempt_of(call), {});
    answer.flags = flag_apart;
    answer.apart = payload(u64{large});
    worker.link->send(answer);
    CHECK(length.get() == large);
    CHECK(worker.link->never(r_manager_taken));
}

TEST_CASE("P-82: a part or taken without the feature ends the link, bit 4 is ignored") {
    CHECK(served_texts(without_transfer).ends_with(part(r_manager_part, 0, "x")) == 15);
    CHECK(served_texts(without_transfer).ends_with(to_record(r_manager_taken, u64{0})) == 15);
    served_texts all(without_transfer);
    all.link().send(last_of(a_call({1, 1}, f_length, {}), text_of(5)));
    CHECK(all.length(1) == 5);
    managed other;
    for (const auto& said : {part(r_worker_part, 0, "x"), to_record(r_worker_taken, u64{0})}) {
        texts_worker worker(other.endpoint(), without_transfer);
        worker.link->send(said);
        CHECK(decoded<parting>(worker.link->next(r_manager_goodbye).body).error == 15);
    }
}

TEST_CASE("P-83: a payload comes in parts, with other records between them") {
    served_texts all;
    const bytes whole = text_of(1000);
    all.link().send({part(r_manager_part, 0, whole.substr(0, 400)),
                     part(r_manager_part, 400, whole.substr(400, 1))});
    all.link().send(a_call({1, 1}, f_length, text_of(7)));
    CHECK(all.length(1) == 7);
    record other = a_call({2, 1}, f_length, {}, flag_apart);  // with a payload of its own
    other.apart = text_of(8);
    all.link().send({part(r_manager_part, 401, whole.substr(401, 99)), other});
    CHECK(all.length(2) == 8);
    all.link().send(last_of(a_call({3, 1}, f_length, {}), whole.substr(500)));
    CHECK(all.length(3) == 1000);
}

TEST_CASE("P-83: what a manager and a worker send in parts is the payload that they were given") {
    served_texts all;
    all.link().send(a_call({1, 1}, f_text, payload(u64{large})));
    const record answer = whole_record(all.link(), r_worker_part, r_manager_taken, r_result);
    CHECK(answer.apart == text_of(large));

    managed other;
    texts_worker worker(other.endpoint());
    auto length = other.workers.call<std::uint64_t>("length", std::string(large, 't'));
    const record call = whole_record(*worker.link, r_manager_part, r_worker_taken, r_call);
    CHECK(call.apart == text_of(large));
}

TEST_CASE("P-83: a part with offset 0 begins anew, and an empty one begins nothing") {
    served_texts all;
    const bytes whole = text_of(100);
    all.link().send(part(r_manager_part, 0, bytes(500, 'x')));
    all.link().send(part(r_manager_part, 0, whole.substr(0, 50)));
    all.link().send(last_of(a_call({1, 1}, f_length, {}), whole.substr(50)));
    CHECK(all.length(1) == 100);
    all.link().send(part(r_manager_part, 0, bytes(500, 'x')));
    all.link().send(part(r_manager_part, 0, ""));
    all.link().send(a_call({2, 1}, f_length, text_of(3)));
    CHECK(all.length(2) == 3);
    CHECK(all.ends_with(last_of(a_call({3, 1}, f_length, {}), whole)) == 15);
}

TEST_CASE(
    "P-83: parts out of order, last pieces without parts, and too large payloads end the link") {
    CHECK(served_texts().ends_with(part(r_manager_part, 1, "x")) == 15);
    CHECK(served_texts().ends_with(last_of(a_call({1, 1}, f_length, {}), text_of(5))) == 15);
    CHECK(served_texts().ends_with(part(r_worker_part, 0, "x")) == 15);
    CHECK(served_texts().ends_with({r_manager_part, 0, 0, payload(u64{0}), {}}) == 15);
    CHECK(served_texts().ends_with({r_manager_part, flag_apart, 0, "", bytes("x")}) == 15);
    for (const u64 second : {99u, 101u}) {
        served_texts all;
        all.link().send(part(r_manager_part, 0, bytes(100, 'x')));
        CHECK(all.ends_with(part(r_manager_part, second, "x")) == 15);
    }
    maus::worker_options small;
    small.limits.message_bytes_max = 1000;
    served_texts all(with_transfer, std::move(small));
    all.link().send(part(r_manager_part, 0, bytes(600, 'x')));
    CHECK(all.ends_with(part(r_manager_part, 600, bytes(401, 'x'))) == 12);

    managed other;
    for (const auto& said : {part(r_worker_part, 1, "x"), part(r_manager_part, 0, "x")}) {
        texts_worker worker(other.endpoint());
        worker.link->send(said);
        CHECK(decoded<parting>(worker.link->next(r_manager_goodbye).body).error == 15);
    }
}

TEST_CASE("P-84: who has read further frames tells how many bytes they had, whatever they were") {
    served_texts all;
    const auto taken = [&] {
        return decoded<u64_field>(all.link().next(r_worker_taken).body).value;
    };
    all.link().send(part(r_manager_part, 0, bytes(100, 'x')));
    CHECK(taken() == 100);
    all.link().send(part(r_manager_part, 0, ""));
    CHECK(taken() == 100);
    record call = a_call({1, 1}, f_length, {}, flag_apart);
    call.apart = text_of(6);
    all.link().send({call, record{200, flag_apart, 0, "", bytes(50, 'x')}});
    CHECK(taken() == 160);

    // Of that frame nobody wants to be told, but its bytes count.
    call = a_call({2, 1}, f_length, {}, flag_apart | flag_untold);
    call.apart = text_of(6);
    all.link().send(call);
    const auto answer = all.link().receive(patience);
    REQUIRE(answer);
    CHECK(answer->type == r_result);
    all.link().send(part(r_manager_part, 0, bytes(1, 'x')));
    CHECK(taken() == 171);

    managed other;
    texts_worker worker(other.endpoint());
    worker.link->send(part(r_worker_part, 0, bytes(100, 'x')));
    CHECK(worker.link->next(r_manager_taken).body == payload(u64{100}));
}

TEST_CASE("P-84: less than before, or more than was sent, cannot have been taken") {
    CHECK(served_texts().ends_with(to_record(r_manager_taken, u64{1})) == 15);
    served_texts all;
    all.link().send(a_call({1, 1}, f_text, payload(u64{50'000})));
    const record answer = all.link().next(r_result);
    const u64 sent = answer.apart.value().size();
    all.link().send(to_record(r_manager_taken, sent));
    CHECK(all.ends_with(to_record(r_manager_taken, sent - 1)) == 15);
    managed other;
    texts_worker worker(other.endpoint());
    worker.link->send(to_record(r_worker_taken, u64{1}));
    CHECK(decoded<parting>(worker.link->next(r_manager_goodbye).body).error == 15);
}

TEST_CASE("P-85: what is not taken is little, and what is small does not wait for it") {
    managed all;
    texts_worker worker(all.endpoint());
    auto long_one = all.workers.call<std::uint64_t>("length", std::string(large, 't'));
    auto short_one = all.workers.call<std::uint64_t>("length", std::string(4, 't'));
    std::size_t came = 0;
    const auto wait_for = [&](auto&& is_it) {
        for (;;) {
            const auto got = worker.link->receive(patience);
            REQUIRE(got);
            if (got->apart) came += got->apart->size();
            if (is_it(*got)) return;
        }
    };
    wait_for([](const record& got) { return got.type == r_call && payload_of(got) == text_of(4); });
    worker.link->send(to_record(r_ping, u64{5}));
    wait_for([](const record& got) { return got.type == r_pong; });
    CHECK(came <= 512 * 1024);
    CHECK(came >= 64 * 1024);
    CHECK(worker.link->never(r_manager_part));
}

TEST_CASE("P-86: a call of which only parts were sent goes elsewhere, also at_most_once") {
    managed all(manager_options(), {.amount = 1});
    auto first = std::make_unique<texts_worker>(all.endpoint());
    maus::call_options once;
    once.delivery = maus::delivery::at_most_once;
    auto length = all.workers.with(once).call<std::uint64_t>("length", std::string(large, 't'));
    (void)first->link->next(r_manager_part);
    first.reset();
    texts_worker second(all.endpoint());
    const record call = whole_record(*second.link, r_manager_part, r_worker_taken, r_call);
    CHECK(call.apart == text_of(large));
    CHECK(attempt_of(call).number == 1);
    second.answer(call, payload(u64{large}));
    CHECK(length.get() == large);
}

TEST_CASE("P-86: a call that is given up in the middle is neither sent nor cancelled") {
    managed all;
    texts_worker worker(all.endpoint());
    auto length = all.workers.call<std::uint64_t>("length", std::string(large, 't'));
    (void)worker.link->next(r_manager_part);
    length.cancel();
    for (;;) {
        const record got = worker.link->next(r_manager_part);
        if (got.apart->empty()) break;
    }
    CHECK(worker.link->never(r_cancel));
    CHECK(error_of(length) == maus::errc::cancelled);
}
