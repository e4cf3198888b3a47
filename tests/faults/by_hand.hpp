// A worker by hand of a real manager: it speaks through raw sockets, and answers as a row wants it to. What
// it runs is told as its history, so that the checkers know of it.
#pragma once

#include <string>

#include "conformance/peers.hpp"
#include "maus/wire/archive.hpp"
#include "stage.hpp"
#include "work.hpp"

namespace faults {

class hand_worker {
public:
    /// It exposes `echo`, and is registered.
    explicit hand_worker(stage& on) : on_(on), number_(on.next_number()) {
        self_.self.signatures = {echo.signature()};
        (void)self_.enroll(on.endpoint());
    }
    /// Until it serves the manager that it is offered, which has an address.
    void serve() {
        offer_ = self_.take_offer();
        (void)self_.welcomed();
        // Who says something to a manager that has gone meanwhile is not to wait for another one there.
        self_.socket->raw().set(zmq::sockopt::sndtimeo, 0);
    }
    /// Whether its manager has closed the connection. (The goodbye before that may be lost: a connection that
    /// is closed while something unread is on its way is reset.)
    [[nodiscard]] bool is_left() { return !self_.socket->is_connected(); }

    struct task {
        ask what;
        spec::attempt of;
    };
    [[nodiscard]] static task read(const spec::record& call) {
        const auto bytes = spec::payload_of(call);
        const auto asked = maus::wire::decode<ask>(maus::base::as_bytes(bytes));
        if (!asked) throw row_failed("a worker by hand cannot read its call");
        return {std::get<0>(asked.value()), spec::attempt_of(call)};
    }
    [[nodiscard]] spec::bytes result_of(const ask& what, const spec::attempt& of) const {
        maus::base::buffer made;
        maus::wire::encode(made, faults::answer{what.ticket, maus::sim::value_of(what.argument),
                                                of.call, of.number, name(), what.extra});
        return spec::bytes(maus::base::as_text(made.view()));
    }
    void note(kind which, const task& its) {
        fact told = on_.notes().begin(which);
        told.process = number_;
        told.ticket = its.what.ticket;
        told.argument = its.what.argument;
        told.call = its.of.call;
        told.attempt = its.of.number;
        told.worker = id_from<maus::base::worker_id>(name());
        told.manager = id_from<maus::base::manager_id>(spec::hex({offer_.manager.raw.data(), 16}));
        told.lease = {offer_.lease.epoch, offer_.lease.sequence};
        on_.notes().add(told);
    }
    /// It runs it, and gives the right answer.
    void answer(const task& its) {
        note(kind::ended, its);
        link().send(spec::with_payload(spec::r_result, its.of, result_of(its.what, its.of)));
    }
    [[nodiscard]] spec::link& link() { return *self_.link; }
    [[nodiscard]] std::string name() const { return spec::hex({self_.self.worker.raw.data(), 16}); }

private:
    stage& on_;
    std::uint32_t number_;
    spec::fake_worker self_;
    spec::assign offer_;
};

}  // namespace faults
