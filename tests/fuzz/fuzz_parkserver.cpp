// The parkserver among workers and managers who say anything at all, well-formed or not, come, go
// and fall silent. What holds after every event:
//
// - nothing is said on a connection that is not there, and all that is said can be read;
// - a lease is one worker's and one manager's (I8), is made once and granted at most once;
// - no request is served beyond its amount by an offer; limits hold;
// - the next deadline lies ahead.
// Once all are gone, nothing of them is left.
#include <set>

#include "broker/core/parkserver.hpp"
#include "tests/fuzz/routes.hpp"
#include "tests/fuzz/say_link.hpp"

using namespace fuzz;

namespace {

constexpr std::size_t events_max = 48, connections_max = 6;

limits small_limits() {
    limits made;
    made.peers_max = 5;
    made.requests_max = 3;
    made.control_bytes_max = 2048;
    return made;
}
const base::settings settings{small_limits(), wire::own_features()};
const limits& bounds = settings.limits;

broker::parkserver_config config() {
    broker::parkserver_config made;
    made.id = an_id<base::parkserver_id>(9);
    made.epoch = 1;
    made.settings = settings;
    return made;
}

class scene {
public:
    explicit scene(input& in) : in_(in) {}

    void play() {
        for (std::size_t i = 0; i < events_max && !in_.empty(); ++i) {
            event();
            step();
        }
        leave();
    }

private:
    void event() {
        accepted_ = {};
        asked_.reset();
        switch (in_.below(8)) {
            case 0: now_ = later(in_, now_, park_.next_deadline()); return;
            case 1: return go();
            default: return talk(somebody());
        }
    }
    base::route somebody() {
        const auto there = routes_.in(routes::state::up);
        const auto pick = in_.below(connections_max);
        if (pick < there.size()) return there[pick];
        const base::route fresh{++connections_};
        routes_.came(fresh);
        return fresh;
    }
    void go() {
        const auto there = routes_.in(routes::state::up);
        if (there.empty()) return;
        const base::route at = in_.one_of(there);
        routes_.is_down(at);
        park_.on(core::down{at, in_.one_in(2) ? "gone" : ""}, now_, out_);
    }
    void talk(base::route from) {
        wire::message what;
        const auto kind = in_.below(24);
        if (kind < 22) {
            // Mostly what peers say, which comes first in wire::control.
            const auto say = a_control(kind < 12 ? kind : kind % 4, in_, known_);
            kept_bytes kept;
            what = wire::encode_control(say, some_extensions_of(say, in_, kept));
            if (in_.one_in(16)) damage(what, in_);
            note(what);
        } else if (kind == 22) {
            what.first = wire::relay_frame(a_lease(in_, known_));
            wire::message inside;
            wire::link_writer to{inside, bounds};
            a_record(to, in_, known_);
            what.rest.push_back(std::move(inside.first));
        } else {
            what = raw(in_, 64);
            note(what);
        }
        park_.on(core::received{from, std::move(what)}, now_, out_);
        from_ = from;
    }

    // What it says is what it can be read as, which damage may have changed.
    void note(const wire::message& what) {
        wire::extensions extended;
        const auto read = wire::decode_control(what, bounds, &extended);
        if (!read) return;
        const wire::control& say = read.value();
        if (const auto* yes = std::get_if<wire::accepted>(&say)) accepted_ = yes->lease;
        if (const auto* asked = std::get_if<wire::request>(&say)) {
            seen::add(known_.tokens, asked->token);
            asked_ = *asked;
            if (wire::find(extended, wire::elastic_tag)) elastic_.insert(asked->token);
        }
    }

    void step() {
        park_.advance_to(now_, out_);
        require(park_.next_deadline() > now_, "the next deadline lies ahead");
        require(park_.workers() + park_.managers() <= bounds.peers_max, "peers_max");
        require(park_.leases() <= park_.workers(), "a worker has one lease");
        require(park_.timer_count() <= 1024, "timers are bounded");
        std::vector<wire::assign> offers;
        for (const auto& effect : out_.effects()) {
            require(!std::holds_alternative<core::open>(effect), "a parkserver opens nothing");
            // Somebody who does nothing but break the protocol: nothing is said to it any more.
            if (const auto* part = std::get_if<core::close>(&effect)) routes_.apply(*part);
            if (const auto* say = std::get_if<core::send>(&effect)) {
                routes_.apply(*say);
                said(*say, offers);
            }
        }
        out_.clear();
        if (asked_) requests_[asked_->token] = asked_->request;
        if (!offers.empty() || in_.empty()) check_status(offers);
    }

    void said(const core::send& say, std::vector<wire::assign>& offers) {
        const auto head = wire::read_header(say.message.first.view());
        require(head.ok(), "a header is good");
        if (head.value().channel == wire::channel::relay) {
            require(say.to != from_, "a relay message goes to the other end");
            return;
        }
        const auto read = wire::decode_control(say.message, limits{});
        require(read.ok(), "what a parkserver says can be read");
        if (const auto* offer = std::get_if<wire::assign>(&read.value())) {
            require(offer->lease.epoch == 1, "a lease is of this epoch");
            require(made_.insert(offer->lease).second, "a lease is made once");
            seen::add(known_.leases, offer->lease);
            offers.push_back(*offer);
        } else if (const auto* grant = std::get_if<wire::granted>(&read.value())) {
            require(made_.contains(grant->lease), "what is granted was offered");
            require(accepted_ == grant->lease, "and accepted");
            require(granted_.insert(grant->lease).second, "and is granted once");
        } else if (std::holds_alternative<wire::rejected>(read.value()) ||
                   std::holds_alternative<wire::register_again>(read.value())) {
            asked_.reset();
        }
    }

    void check_status(const std::vector<wire::assign>& offers) {
        const wire::status told = park_.status(now_);
        std::set<base::lease_id> leases;
        for (const auto& each : told.workers) {
            const bool has = each.state == wire::worker_state::offered ||
                             each.state == wire::worker_state::leased;
            require(has != each.lease.none(), "who is leased has a lease, and nobody else");
            if (!has) continue;
            require(leases.insert(each.lease).second, "a lease is one worker's");
        }
        require(leases.size() == park_.leases(), "every lease is some worker's");
        std::map<base::manager_id, std::size_t> requests;
        for (const auto& each : told.requests) {
            require(++requests[each.manager] <= bounds.requests_max, "requests_max");
            for (const auto& offer : offers) {
                const bool of_it = offer.manager == each.manager &&
                                   requests_.at(offer.token) == each.request &&
                                   !elastic_.contains(offer.token);
                require(!of_it || each.amount == 0 || each.serving <= each.amount,
                        "nobody is offered more than it asked for");
            }
        }
    }

    void leave() {
        for (const auto at : routes_.in(routes::state::up)) {
            routes_.is_down(at);
            park_.on(core::down{at, ""}, now_, out_);
            step();
        }
        require(park_.workers() == 0 && park_.managers() == 0, "nobody is left");
        require(park_.leases() == 0, "no lease is left");
        require(park_.status(now_).requests.empty(), "no request is left");
        for (std::size_t i = 0; i < 2000 && park_.timer_count() != 0; ++i) {
            now_ = park_.next_deadline();
            step();
        }
        require(park_.timer_count() == 0, "no timer is left");
    }

    input& in_;
    base::instant now_ = beginning;
    broker::parkserver park_{config(), now_};
    core::outbox out_{settings};
    routes routes_;
    std::uint64_t connections_ = 0;
    seen known_;
    base::route from_;
    base::lease_id accepted_;             // by the event at hand
    std::optional<wire::request> asked_;  // by the event at hand, and not refused
    std::map<base::token, base::request_id> requests_;
    std::set<base::token> elastic_;  // those that were, at some time: they grow beyond their amount
    std::set<base::lease_id> made_, granted_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{data, size};
    scene{in}.play();
    return 0;
}
