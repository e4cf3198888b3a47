// Peers that speak PROTOCOL.md through raw ZeroMQ sockets, and may say whatever a test wants.
//
// Every wait for something that has to come is bounded (`patience`); what does not come is an
// exception that says what was waited for and what came instead. That something does not come is
// never a matter of time: `never` and `silent` ask a question that is answered at once, and what
// would have come has come before the answer.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>

#include <zmq.hpp>

#include "spec.hpp"
#include "support/wait.hpp"

namespace spec {

using namespace std::chrono_literals;
using maus_test::eventually;
using maus_test::patience;

std::string describe(const frames& message);

/// Where messages go to and come from: a socket, one peer of a ROUTER, a relayed lease.
class channel {
public:
    virtual ~channel() = default;
    /// What is said to somebody who has gone is lost, as on any network: when he closes is his
    /// business, and a test that needs an answer waits for it.
    virtual void send(const frames& message) = 0;
    /// What was sent last could not be: the other end has closed its connection.
    [[nodiscard]] virtual bool has_gone() const { return false; }
    std::optional<frames> receive(std::chrono::milliseconds wait);

    template <class Message>
    void say(const Message& message) {
        send(control(message));
    }
    /// The next control message that is a Message; others are passed over.
    template <class Message>
    Message hear() {
        return decoded<Message>(hear_type(Message::type_number).substr(8));
    }
    /// The next message, which has to be that one.
    template <class Message>
    Message hear_next() {
        const frames got = next();
        if (got.size() != 1 || !got[0].starts_with(header(on_control, Message::type_number))) {
            throw std::runtime_error("expected message " + std::to_string(Message::type_number) +
                                     ", came: " + describe(got));
        }
        return decoded<Message>(got[0].substr(8));
    }
    frames next();
    /// Until a live parkserver has read all that was said here. What comes meanwhile is kept.
    void sync();
    /// The same; true if no message of this type came.
    bool never(u8 type);
    /// The same; true if nothing came at all.
    bool silent();
    /// Waits for a message of the type `answer`. True if none of the type `unwanted` came before.
    bool hears_first(u8 answer, u8 unwanted);
    /// It speaks as a later version would (from_the_future()).
    bool is_from_the_future = false;

private:
    virtual std::optional<frames> read(std::chrono::milliseconds wait) = 0;
    bytes hear_type(u8 type);
    void ping_and_wait();
    std::deque<frames> kept_;
};

/// Waits until a peer of a ROUTER has closed its connection. False: it has not.
bool leaves(channel& peer);

class dealer final : public channel {
public:
    explicit dealer(const std::string& endpoint);
    void send(const frames& message) override;
    void close() { socket_.close(); }
    zmq::socket_t& raw() { return socket_; }
    /// Whether there is a connection: what comes over it, comes while there is.
    [[nodiscard]] bool is_connected();

private:
    std::optional<frames> read(std::chrono::milliseconds wait) override;
    zmq::socket_t socket_;
};

/// What a later version tells of itself at registration, hello and welcome.
template <class Body>
void tell_future(Body& body) {
    body.features = {"zeal", "time travel", "zeal"};
    body.limits = {{1, u64{1} << 40}, {900, 0}, {65535, ~u64{0}}};
}

/// A ROUTER. Each peer that speaks becomes a channel.
class router {
public:
    explicit router(const std::string& endpoint = "tcp://127.0.0.1:*");
    ~router();
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
    /// The next peer that was not accepted yet.
    channel& accept(std::chrono::milliseconds wait = patience);
    bool is_from_the_future = false;  // so is each peer that comes
    [[nodiscard]] const bytes& name_of_last_accepted() const { return last_accepted_; }
    /// Whether a peer that was not accepted yet is there by now.
    [[nodiscard]] bool somebody_came();
    void close() { socket_.close(); }

private:
    class peer;
    bool pump(std::chrono::milliseconds wait);

    zmq::socket_t socket_;
    std::string endpoint_;
    bytes last_accepted_;
    std::map<bytes, std::unique_ptr<peer>> peers_;
    std::deque<peer*> new_;
};

/// One end of a link: records in, records out.
class link {
public:
    explicit link(channel& through, std::optional<lease> relay = {})
        : through_(&through), relay_(relay) {}
    void send(const std::vector<record>& records);
    void send(const record& one) { send(std::vector<record>{one}); }
    /// Pings are answered with a pong if `answers_pings`, and never returned.
    std::optional<record> receive(std::chrono::milliseconds wait);
    record next(u8 type);
    /// Until the other end has read all that was sent here; true if no record of this type came.
    bool never(u8 type);
    bool is_managers = false;  // this end; else it is a worker's
    bool answers_pings = true;
    std::vector<u64> pings;  // the stamps that came

private:
    channel* through_;
    std::optional<lease> relay_;
    std::deque<record> read_;
};

/// A worker that does what it is told.
struct fake_worker {
    register_worker self;
    std::unique_ptr<dealer> park;
    std::unique_ptr<dealer> socket;
    std::unique_ptr<spec::link> link;

    bool is_from_the_future = false;

    fake_worker() = default;
    explicit fake_worker(const std::string& parkserver) { enroll(parkserver); }
    registered enroll(const std::string& parkserver);
    /// Takes the next offer and says hello to the manager's first endpoint, or over the relay.
    assign take_offer();
    void greet(const assign& offer);
    /// Direct mode.
    void connect(const std::string& manager);
    hello what_to_say() const;
    welcome welcomed();
    /// Waits for a call, and answers it.
    record next_call() { return link->next(r_call); }
    void answer(const record& call, const bytes& result);
};

/// A manager with a ROUTER for its workers.
struct fake_manager {
    register_manager self;
    std::unique_ptr<dealer> park;
    router workers;
    bool is_from_the_future = false;

    fake_manager() { self.endpoints = {workers.endpoint()}; }
    explicit fake_manager(const std::string& parkserver) : fake_manager() { enroll(parkserver); }
    registered enroll(const std::string& parkserver);
    /// Once it returns, the parkserver has read it.
    request ask_for(u32 amount, const std::string& type = "default", u64 number = 1);
    /// Accepts a worker's connection and welcomes it.
    struct guest {
        channel& through;
        spec::link link;
        hello said;
    };
    guest welcome_one(u32 interval_ms = 1000, u32 liveness = 100);
};

}  // namespace spec
