#include "peers.hpp"

#include <algorithm>

namespace spec {

namespace {
using clock = std::chrono::steady_clock;

zmq::context_t& context() {
    static zmq::context_t only;
    return only;
}
std::chrono::milliseconds until(clock::time_point end) {
    return std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(end - clock::now()));
}
bool readable(zmq::socket_t& of, std::chrono::milliseconds wait) {
    zmq::pollitem_t item{of.handle(), 0, ZMQ_POLLIN, 0};
    return zmq::poll(&item, 1, wait) > 0;
}
frames read_message(zmq::socket_t& from) {
    frames message;
    bool more = true;
    while (more) {
        zmq::message_t frame;
        if (!from.recv(frame)) throw std::runtime_error("a frame is missing");
        message.push_back(frame.to_string());
        more = frame.more();
    }
    return message;
}
void write(zmq::socket_t& to, const frames& message) {
    for (std::size_t i = 0; i < message.size(); ++i) {
        const auto flags =
            i + 1 < message.size() ? zmq::send_flags::sndmore : zmq::send_flags::none;
        zmq::message_t frame(message[i].data(), message[i].size());
        if (!to.send(frame, flags)) throw std::runtime_error("could not send in time");
    }
}
void prepare(zmq::socket_t& made) {
    made.set(zmq::sockopt::linger, 0);
    made.set(zmq::sockopt::sndtimeo, static_cast<int>(patience.count()));
    made.set(zmq::sockopt::rcvtimeo, static_cast<int>(patience.count()));
}
}  // namespace

std::string describe(const frames& message) {
    std::string text = std::to_string(message.size()) + " frames";
    for (const auto& frame : message) text += ", " + hex(frame.substr(0, 120));
    return text;
}

std::optional<frames> channel::receive(std::chrono::milliseconds wait) {
    if (kept_.empty()) return read(wait);
    auto first = std::move(kept_.front());
    kept_.pop_front();
    return first;
}

frames channel::next() {
    auto got = receive(patience);
    if (!got) throw std::runtime_error("nothing came in time");
    return std::move(*got);
}

bytes channel::hear_type(u8 type) {
    const auto end = clock::now() + patience;
    std::string passed;
    while (auto got = receive(until(end))) {
        if (got->size() == 1 && got->front().starts_with(header(on_control, type))) {
            return got->front();
        }
        passed += "\n  " + describe(*got);
    }
    throw std::runtime_error("message " + std::to_string(type) + " did not come; came:" + passed);
}

// Twice: a parkserver answers a ping at once, and serves requests when its round is over.
void channel::sync() {
    ping_and_wait();
    ping_and_wait();
}

void channel::ping_and_wait() {
    static u64 barriers = 0;
    const u64 stamp = ~u64{0} - ++barriers;  // no test's own
    say(ping{stamp});
    const frames answer = control(pong{stamp});
    for (const auto end = clock::now() + patience;;) {
        auto got = read(until(end));
        if (!got) throw std::runtime_error("a ping was not answered in time");
        if (*got == answer) return;
        kept_.push_back(std::move(*got));
    }
}

bool channel::never(u8 type) {
    sync();
    const auto is_of_type = [&](const frames& message) {
        return message.size() == 1 && message.front().starts_with(header(on_control, type));
    };
    const bool came = std::any_of(kept_.begin(), kept_.end(), is_of_type);
    kept_.clear();
    return !came;
}

bool channel::silent() {
    sync();
    return kept_.empty();
}

bool channel::hears_first(u8 answer, u8 unwanted) {
    for (const auto end = clock::now() + patience;;) {
        const auto got = receive(until(end));
        if (!got) return false;
        if (got->front().starts_with(header(on_control, answer))) return true;
        if (got->front().starts_with(header(on_control, unwanted))) return false;
    }
}

bool leaves(channel& peer) {
    return eventually([&] {
        peer.send(link_message({}));
        return peer.has_gone();
    });
}

dealer::dealer(const std::string& endpoint) : socket_(context(), zmq::socket_type::dealer) {
    prepare(socket_);
    socket_.set(zmq::sockopt::immediate, true);
    socket_.connect(endpoint);
}
void dealer::send(const frames& message) {
    if (!is_from_the_future) return write(socket_, message);
    for (const auto& each : from_the_future(message)) write(socket_, each);
}
std::optional<frames> dealer::read(std::chrono::milliseconds wait) {
    if (!readable(socket_, wait)) return std::nullopt;
    return read_message(socket_);
}
bool dealer::is_connected() { return (socket_.get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0; }

class router::peer final : public channel {
public:
    peer(router& of, bytes name_of) : name(std::move(name_of)), of_(of) {}
    void send(const frames& message) override {
        if (!is_from_the_future) return send_plainly(message);
        for (const auto& each : from_the_future(message)) send_plainly(each);
    }
    [[nodiscard]] bool has_gone() const override { return has_gone_; }
    const bytes name;
    std::deque<frames> said;

private:
    std::optional<frames> read(std::chrono::milliseconds wait) override {
        const auto end = clock::now() + wait;
        while (said.empty()) {
            if (!of_.pump(until(end))) return std::nullopt;
        }
        auto first = std::move(said.front());
        said.pop_front();
        return first;
    }
    void send_plainly(const frames& message) {
        frames addressed{name};
        addressed.insert(addressed.end(), message.begin(), message.end());
        try {
            write(of_.socket_, addressed);
            has_gone_ = false;
        } catch (const zmq::error_t& failed) {
            if (failed.num() != EHOSTUNREACH) throw;
            has_gone_ = true;
        }
    }
    router& of_;
    bool has_gone_ = false;
};

router::router(const std::string& endpoint) : socket_(context(), zmq::socket_type::router) {
    prepare(socket_);
    socket_.set(zmq::sockopt::router_mandatory, true);
    // A socket that was closed before lets go of its port a moment later.
    const bool bound = eventually([&] {
        try {
            socket_.bind(endpoint);
            return true;
        } catch (const zmq::error_t& failed) {
            if (failed.num() != EADDRINUSE) throw;
            return false;
        }
    });
    if (!bound) throw std::runtime_error("cannot bind " + endpoint);
    endpoint_ = socket_.get(zmq::sockopt::last_endpoint);
}

router::~router() = default;

bool router::pump(std::chrono::milliseconds wait) {
    if (!readable(socket_, wait)) return false;
    frames message = read_message(socket_);
    const bytes name = message.front();
    message.erase(message.begin());
    auto& known = peers_[name];
    if (!known) {
        known = std::make_unique<peer>(*this, name);
        known->is_from_the_future = is_from_the_future;
        new_.push_back(known.get());
    }
    known->said.push_back(std::move(message));
    return true;
}

channel& router::accept(std::chrono::milliseconds wait) {
    const auto end = clock::now() + wait;
    while (new_.empty()) {
        if (!pump(until(end))) throw std::runtime_error("nobody came in time");
    }
    auto* first = new_.front();
    new_.pop_front();
    last_accepted_ = first->name;
    return *first;
}

bool router::somebody_came() {
    while (new_.empty() && pump(0ms)) {
    }
    return !new_.empty();
}

void link::send(const std::vector<record>& records) {
    const frames message = link_message(records);
    through_->send(relay_ ? relayed(*relay_, message) : message);
}

std::optional<record> link::receive(std::chrono::milliseconds wait) {
    const auto end = clock::now() + wait;
    for (;;) {
        while (!read_.empty()) {
            record first = std::move(read_.front());
            read_.pop_front();
            if (first.type != r_ping) return first;
            pings.push_back(decoded<ping>(first.body).stamp);
            if (answers_pings) send(to_record(r_pong, pings.back()));
        }
        auto got = through_->receive(until(end));
        if (!got) return std::nullopt;
        if (relay_) {
            if (got->front() != header(on_relay) + encoded(*relay_)) continue;
            got->erase(got->begin());
        }
        for (auto& each : read_link_message(*got)) read_.push_back(std::move(each));
    }
}

record link::next(u8 type) {
    const auto end = clock::now() + patience;
    std::string passed;
    while (auto got = receive(until(end))) {
        if (got->type == type) return *got;
        passed += " " + std::to_string(got->type) + ":" + hex(got->body.substr(0, 80));
    }
    throw std::runtime_error("record " + std::to_string(type) + " did not come; came:" + passed);
}

// A manager answers a ping at once, and a worker a call of a function that it does not have.
bool link::never(u8 type) {
    constexpr u16 no_function = 65535;
    static u64 barriers = 0;
    const u64 number = ~u64{0} - ++barriers;  // no test's own
    send(is_managers ? a_call({number, 1}, no_function, "") : to_record(r_ping, number));
    for (const auto end = clock::now() + patience;;) {
        const auto got = receive(until(end));
        if (!got) throw std::runtime_error("a barrier was not answered in time");
        if (got->type == type) return false;
        const bool answers = got->type == (is_managers ? r_failed : r_pong);
        if (answers && got->body.starts_with(payload(number))) return true;
    }
}

registered fake_worker::enroll(const std::string& parkserver) {
    park = std::make_unique<dealer>(parkserver);
    park->is_from_the_future = is_from_the_future;
    if (is_from_the_future) tell_future(self);
    park->say(self);
    return park->hear<registered>();
}

assign fake_worker::take_offer() {
    const auto offer = park->hear<assign>();
    park->say(accepted{offer.lease});
    greet(offer);
    return offer;
}

void fake_worker::greet(const assign& offer) {
    hello say = what_to_say();
    say.token = offer.token;
    say.lease = offer.lease;
    if (offer.endpoints.empty()) {
        link = std::make_unique<spec::link>(*park, offer.lease);
    } else {
        socket = std::make_unique<dealer>(offer.endpoints.front());
        socket->is_from_the_future = is_from_the_future;
        link = std::make_unique<spec::link>(*socket);
    }
    link->send(to_record(r_hello, say));
}

void fake_worker::connect(const std::string& manager) {
    socket = std::make_unique<dealer>(manager);
    link = std::make_unique<spec::link>(*socket);
    link->send(to_record(r_hello, what_to_say()));
}

hello fake_worker::what_to_say() const {
    hello say;
    say.worker = self.worker;
    say.incarnation = self.incarnation;
    say.type = self.type;
    say.signatures = self.signatures;
    say.concurrency = self.concurrency;
    say.interval_ms = self.interval_ms;
    say.liveness = self.liveness;
    say.features = self.features;
    say.limits = self.limits;
    return say;
}

welcome fake_worker::welcomed() { return decoded<welcome>(link->next(r_welcome).body); }

void fake_worker::answer(const record& call, const bytes& result) {
    link->send(with_payload(r_result, attempt_of(call), result));
}

registered fake_manager::enroll(const std::string& parkserver) {
    park = std::make_unique<dealer>(parkserver);
    park->is_from_the_future = workers.is_from_the_future = is_from_the_future;
    if (is_from_the_future) tell_future(self);
    park->say(self);
    return park->hear<registered>();
}

request fake_manager::ask_for(u32 amount, const std::string& type, u64 number) {
    request wanted;
    wanted.number = number;
    wanted.type = type;
    wanted.amount = amount;
    park->say(wanted);
    park->sync();
    return wanted;
}

fake_manager::guest fake_manager::welcome_one(u32 interval_ms, u32 liveness) {
    channel& through = workers.accept();
    guest come{through, spec::link(through), {}};
    come.link.is_managers = true;
    come.said = decoded<hello>(come.link.next(r_hello).body);
    welcome say;
    say.manager = self.manager;
    say.interval_ms = interval_ms;
    say.liveness = liveness;
    say.stamp = come.said.stamp;
    say.features = self.features;
    say.limits = self.limits;
    come.link.send(to_record(r_welcome, say));
    return come;
}

}  // namespace spec
