// Section 6.2, what travels with a call: real workers by a fake manager, and real managers by fake workers.
#include "catch.hpp"

#include <future>

#include "real.hpp"

using namespace spec;

namespace {

constexpr u16 tag_time_left = 3, tag_trace = 5;
constexpr u16 f_told = 0, f_runs = 1;

/// "told(i32)->str" gives what the function knows; "runs(i32)->i32" runs until it is asked to stop.
struct served_context {
    log_book log;
    fake_manager manager;
    std::promise<void> begun;
    std::promise<bool> stopped;
    maus::worker worker;
    fake_manager::guest guest;

    served_context() : worker(with_log()), guest(connect()) {}
    spec::link& link() { return guest.link; }
    /// The error by which the link ends after this.
    u8 ends_with(const record& said) {
        link().send(said);
        return decoded<parting>(link().next(r_worker_goodbye).body).error;
    }
    bool asked_to_stop() {
        auto came = stopped.get_future();
        return came.wait_for(patience) == std::future_status::ready && came.get();
    }

private:
    maus::worker_options with_log() {
        maus::worker_options options;
        options.log = log.writer();
        options.concurrency = 2;
        return options;
    }
    fake_manager::guest connect() {
        worker.expose("told", [](maus::context& call, int) {
            const bool timed = call.time_left() != std::chrono::nanoseconds::max();
            return std::string(call.label().view()) + " " + call.trace().traceparent() +
                   (timed ? " timed" : "");
        });
        worker.expose("runs", [this](maus::context& call, int x) {
            std::promise<void> told;
            const std::stop_callback on_stop(call.stop_token(), [&] { told.set_value(); });
            call.progress(0.25, "a quarter");
            begun.set_value();
            const bool came = told.get_future().wait_for(patience) == std::future_status::ready;
            stopped.set_value(came);
            return x;
        });
        worker.connect(manager.workers.endpoint());
        worker.start();
        return manager.welcome_one();
    }
};

constexpr u8 number_of(maus::errc code) { return static_cast<u8>(code); }

record call_with(u64 call, u16 function, const bytes& extended) {
    return with_extensions(a_call({call, 1}, function, payload(7)), extended);
}
record progress_of(const attempt& of, double fraction, std::string text) {
    return with_payload(r_progress, of, payload(fraction, std::move(text)));
}
bytes trace_bytes() { return bytes(16, '\x11') + bytes(8, '\x22') + bytes(1, '\x01'); }

}  // namespace

TEST_CASE("P-92: time left, label and trace reach the function; what is not so ends the link") {
    served_context all;
    const bytes good = extension(tag_time_left, payload(u64{3'600'000'000'000})) +
                       extension(tag_label, "nightly") + extension(tag_trace, trace_bytes()) +
                       extension(40000, "unknown");
    all.link().send(call_with(1, f_told, good));
    CHECK(payload_of(all.link().next(r_result)) ==
          payload(std::string("nightly 00-11111111111111111111111111111111-2222222222222222-01"
                              " timed")));
    const bytes bad =
        GENERATE(extension(tag_time_left, "short"), extension(tag_label, ""),
                 extension(tag_label, bytes(200, 'x')), extension(tag_label, "a\nb"),
                 extension(tag_trace, "short"), extension(tag_trace, bytes(25, '\0')));
    CHECK(all.ends_with(call_with(2, f_told, bad)) == number_of(maus::errc::protocol_violation));
}

TEST_CASE("P-92: a manager tells them with each attempt") {
    managed other;
    fake_worker worker;
    worker.connect(other.endpoint());
    (void)worker.welcomed();
    const auto caller =
        other.workers.with({.timeout = std::chrono::hours{1},
                            .label = "nightly",
                            .trace = "00-11111111111111111111111111111111-2222222222222222-01"});
    auto call = caller.call<int>("add", 1, 2);
    const record came = worker.link->next(r_call);
    CHECK((came.flags & flag_extended) != 0);
    CHECK(came.body.find("nightly") != bytes::npos);
    CHECK(came.body.find(trace_bytes()) != bytes::npos);
    CHECK(came.body.ends_with(payload(1, 2)));
    worker.link->send(with_payload(r_result, attempt_of(came), payload(3)));
    CHECK(call.get() == 3);
    auto plain = other.add(1, 2);
    const record without = worker.link->next(r_call);
    CHECK((without.flags & flag_extended) == 0);
    worker.link->send(with_payload(r_result, attempt_of(without), payload(3)));
    CHECK(plain.get() == 3);
}

TEST_CASE("P-93: a call whose time is up is not started") {
    served_context all;
    all.link().send(call_with(1, f_told, extension(tag_time_left, payload(u64{0}))));
    const record answer = all.link().next(r_failed);
    CHECK(attempt_of(answer) == attempt{1, 1});
    CHECK(decoded<fault>(answer.body).error == number_of(maus::errc::deadline_exceeded));
}

TEST_CASE(
    "P-94: a function that runs is told when its call is cancelled, and its slot is free again") {
    served_context all;
    all.link().send(a_call({1, 1}, f_runs, payload(7)));
    REQUIRE(all.begun.get_future().wait_for(patience) == std::future_status::ready);
    all.link().send(to_record(r_cancel, attempt{1, 1}));
    CHECK(all.asked_to_stop());
    CHECK(payload_of(all.link().next(r_result)) == payload(7));
}

TEST_CASE("P-94: a function that runs is told when its link ends") {
    served_context all;
    all.link().send(a_call({1, 1}, f_runs, payload(7)));
    REQUIRE(all.begun.get_future().wait_for(patience) == std::future_status::ready);
    all.link().send(to_record(r_manager_goodbye, parting{6, "over"}));
    CHECK(all.asked_to_stop());
}

TEST_CASE("P-94: a manager cancels what its worker has when the deadline passes") {
    managed other;
    fake_worker worker;
    worker.connect(other.endpoint());
    (void)worker.welcomed();
    auto call =
        other.workers.with({.timeout = std::chrono::milliseconds{300}}).call<int>("add", 1, 2);
    const record came = worker.link->next(r_call);
    CHECK(error_of(call) == maus::errc::deadline_exceeded);
    CHECK(attempt_of(worker.link->next(r_cancel)) == attempt_of(came));
}

TEST_CASE("P-95: progress travels, and what is no progress of a current call means nothing") {
    served_context all;
    all.link().send(a_call({1, 1}, f_runs, payload(7)));
    const record told = all.link().next(r_progress);
    CHECK(attempt_of(told) == attempt{1, 1});
    CHECK(told.body.ends_with(payload(0.25, std::string("a quarter"))));
    all.link().send(to_record(r_cancel, attempt{1, 1}));
    CHECK(all.asked_to_stop());

    managed other;
    fake_worker worker;
    worker.connect(other.endpoint());
    (void)worker.welcomed();
    std::promise<maus::progress> heard;
    auto call = other.add(1, 2);
    call.on_progress([&](const maus::progress& how_far) { heard.set_value(how_far); });
    const record came = worker.link->next(r_call);
    const attempt its = attempt_of(came);
    worker.link->send(progress_of({its.call + 1, 1}, 0.5, "of another"));
    worker.link->send(progress_of(its, 0.5, "half"));
    auto said = heard.get_future();
    REQUIRE(said.wait_for(patience) == std::future_status::ready);
    CHECK(said.get().text == "half");
    worker.link->send(with_payload(r_result, attempt_of(came), payload(3)));
    CHECK(call.get() == 3);
    worker.link->send(with_payload(r_progress, its, "cut"));
    CHECK(decoded<parting>(worker.link->next(r_manager_goodbye).body).error ==
          number_of(maus::errc::protocol_violation));
}
