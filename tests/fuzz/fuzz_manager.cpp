// A manager, its dispatcher with it, among parkservers and workers who say anything at all, and a
// program that calls, cancels, requests and releases. What holds after every event:
//
// - nothing is said on a connection that is not there, and all that is said can be read;
// - a call is settled at most once, with the value of its current attempt (calls.hpp), and by its
//   deadline; as many are outstanding as are not settled;
// - the next deadline lies ahead.
// Once the manager has stopped, every call is settled exactly once, and no worker is left.
#include "maus/core/manager.hpp"
#include "tests/fuzz/calls.hpp"
#include "tests/fuzz/routes.hpp"
#include "tests/fuzz/say_link.hpp"

using namespace fuzz;

namespace {

constexpr std::size_t events_max = 64;
constexpr std::uint64_t accepted_from = 1ull << 63;  // its own routes count from 1

limits small_limits() {
    limits made;
    made.calls_max = 12;
    made.calls_per_worker_max = 6;
    made.prefetch_max = 4;
    made.payload_apart_bytes = 24;
    made.message_bytes_max = 50;
    made.frames_max = 6;
    made.batch_records_max = 3;
    return made;
}
const base::settings settings{small_limits(), features_of_machines()};
const limits& bounds = settings.limits;

core::manager_config config(input& in) {
    core::manager_config made;
    made.id = an_id<base::manager_id>(2);
    made.incarnation = {1};
    if (!in.one_in(2)) made.endpoints = {"tcp://127.0.0.1:1"};
    made.settings = settings;
    made.seed = 1;
    return made;
}

class scene {
public:
    explicit scene(input& in) : in_(in), manager_(config(in), now_) {
        for (std::uint32_t i = 0; i < calls::methods.size(); ++i) {
            manager_.define({i}, calls::methods[i]);
        }
        request();  // most of what is interesting needs one
        step(true);
    }

    void play() {
        for (std::size_t i = 0; i < events_max && !in_.empty(); ++i) {
            event();
            step(!in_.one_in(4));
        }
        manager_.on(core::stop_manager{}, now_, out_);
        step(true);
        check_stopped();
    }

private:
    void event() {
        switch (in_.below(20)) {
            case 0:
            case 1: now_ = later(in_, now_, manager_.next_deadline()); return;
            case 2: return down();
            case 3: return request();
            case 4:
                if (in_.one_in(2)) manager_.on(core::release_request{a_group()}, now_, out_);
                return;
            case 5:
                if (calls_.size() != 0) {
                    const auto ticket = in_.below(calls_.size());
                    manager_.on(core::cancel_call{calls_.id_of(ticket)}, now_, out_);
                }
                return;
            case 6: return parkserver();
            case 7: return parkserver_says();
            case 8:
            case 9:
            case 10: return submit();
            case 11:
            case 12:
            case 13: return greet();
            case 14:
                if (in_.one_in(16)) manager_.on(core::stop_manager{}, now_, out_);
                return;
            case 15: return answer();
            default: return worker_says();
        }
    }
    // The program's callables, each of which ends once.
    void answer() {
        if (asked_.empty()) return;
        const auto at = static_cast<std::ptrdiff_t>(in_.below(asked_.size()));
        const core::called_back by = std::move(asked_[static_cast<std::size_t>(at)]);
        asked_.erase(asked_.begin() + at);
        core::answer_callback made{by.link, by.attempt, by.which, a_payload(in_), by.slot, {}};
        if (in_.one_in(4)) made.failed = wire::fault{1, "type", "text"};
        manager_.on(std::move(made), now_, out_);
    }
    base::group_id a_group() { return {static_cast<std::uint32_t>(1 + in_.below(groups_ + 1))}; }
    void request() {
        if (groups_ == 3) return;
        core::add_request made{{++groups_}, in_.one_in(4) ? "other" : "default", {}, {}};
        made.amount = static_cast<std::uint32_t>(in_.below(4));
        if (in_.one_in(4)) {
            const auto min = static_cast<std::uint32_t>(1 + in_.below(2));
            const auto beyond = static_cast<std::uint32_t>(in_.below(3));
            made.range = wire::elastic{min, beyond == 0 ? 0 : min + beyond};
        }
        if (in_.one_in(4)) made.label = "label";
        if (in_.one_in(4)) made.policy.no_workers_timeout = std::chrono::milliseconds{500};
        manager_.on(made, now_, out_);
    }
    void submit() {
        core::submission made;
        made.group = a_group();
        made.method = {static_cast<std::uint32_t>(in_.below(calls::methods.size()))};
        const auto how = in_.byte();
        if (how % 4 == 3) made.options.delivery = maus::delivery::at_most_once;
        made.options.max_crashes = how / 4 % 4;
        if (how / 16 % 4 == 3) made.options.timeout = std::chrono::milliseconds{in_.byte() * 10};
        if (how / 64 % 4 == 3) made.options.attempt_timeout = std::chrono::milliseconds{300};
        maus::call_options chosen;  // both are kept apart from what most calls have
        if (how / 64 % 4 == 2) chosen.hedge_after = std::chrono::milliseconds{100};
        if (how / 16 % 4 == 2) chosen.worker = maus::worker_id(an_id<base::worker_id>(in_).bytes);
        made.options.tags = core::call_policy(chosen).tags;
        if (made.method.value == calls::stream) {
            made.set_stream({calls::items_max, 40, how % 2 == 1});
        }
        made.payload = a_payload(in_);
        calls_.submit(std::move(made), now_, [&](core::submission call) {
            return manager_.on(std::move(call), now_, out_);
        });
    }
    void parkserver() {
        const auto dialing = routes_.in(routes::state::dialing);
        if (!dialing.empty()) {
            const auto at = in_.one_of(dialing);
            routes_.is_up(at);
            manager_.on(core::up{at}, now_, out_);
        } else if (++parkservers_ <= 2) {
            manager_.on(core::add_parkserver{"tcp://park:" + std::to_string(parkservers_)}, now_,
                        out_);
        }
    }
    void parkserver_says() {
        const auto at = a_route([](base::route each) { return each.value < accepted_from; });
        if (at == base::route{}) return;
        const auto kind = in_.below(8);
        wire::message what;
        if (kind < 4) {
            what = wire::encode_control(wire::registered{{}, 1, an_interval(in_), 3});
        } else if (kind < 7) {
            what = a_control_message(in_.byte(), in_, known_);
            if (in_.one_in(8)) damage(what, in_);
        } else {
            what = raw(in_, 64);
        }
        const auto read = wire::decode_control(what, limits{});
        const auto* yes = read ? std::get_if<wire::registered>(&read.value()) : nullptr;
        if (yes != nullptr) calls_.limited(yes->can);
        manager_.on(core::received{at, std::move(what)}, now_, out_);
    }
    template <class Filter>
    base::route a_route(Filter wanted) {
        auto there = routes_.talking();
        std::erase_if(there, [&](base::route each) { return !wanted(each); });
        return there.empty() ? base::route{} : in_.one_of(there);
    }
    void down() {
        auto there = routes_.in(routes::state::up);
        for (const auto at : routes_.in(routes::state::dialing)) there.push_back(at);
        for (const auto at : routes_.in(routes::state::closed)) {
            if (at.value > accepted_from) there.push_back(at);
        }
        if (there.empty()) return;
        const auto at = in_.one_of(there);
        routes_.is_down(at);
        manager_.on(core::down{at, "gone"}, now_, out_);
    }
    void greet() {
        link_key at{};
        if (in_.one_in(3)) {
            at.via = a_route([](base::route each) { return each.value < accepted_from; });
            at.relayed = an_offered_lease();
        }
        if (at.via == base::route{}) {
            at = {base::route{accepted_from + ++connections_}, {}};
            routes_.came(at.via);
        }
        wire::message what;
        wire::link_writer to{what, bounds};
        wire::hello say = a_hello(in_, known_);
        calls_.met(at);
        to.say(say);
        while (in_.one_in(4)) record_to_manager(at, to);
        deliver(at, std::move(what));
    }
    base::lease_id an_offered_lease() { return {1, 1 + in_.below(4)}; }
    void record_to_manager(const link_key& at, wire::link_writer& to) {
        const auto what = calls_.an_attempt_on(at, in_);
        switch (in_.below(11)) {
            case 10:
                return to.carry(wire::record_type::callback, what, {++callbacks_, 0},
                                a_payload(in_));
            case 0: return to.failed(what, {static_cast<std::uint8_t>(in_.below(20)), "t", "x"});
            case 1: return to.about(wire::record_type::returned, what);
            case 2: return to.about(wire::record_type::detached, what);
            case 3: return to.about(wire::record_type::started, what);
            case 4: return to.stamp(wire::record_type::ping, in_.byte());
            case 5: return a_record(to, in_, known_);
            case 6: return to.items(what, 1, a_payload(in_));
            default: {
                base::buffer value;
                wire::encode(value, ++values_);
                return to.result(what, std::move(value));
            }
        }
    }
    void worker_says() {
        const auto& links = calls_.links();
        link_key at{};
        if (!links.empty()) at = links[a_late_one(in_, links.size())];
        if (links.empty() || in_.one_in(8)) at.via = a_route([](base::route) { return true; });
        if (!routes_.is(at.via, routes::state::up) && !routes_.is(at.via, routes::state::closed))
            return;
        if (in_.one_in(16)) return deliver(at, raw(in_, 64));
        wire::message what;
        wire::link_writer to{what, bounds};
        for (auto count = 1 + in_.below(3); count != 0; --count) record_to_manager(at, to);
        if (in_.one_in(8)) change_flags(what, in_);
        if (in_.one_in(16)) damage(what, in_);
        deliver(at, std::move(what));
    }
    void deliver(const link_key& at, wire::message what) {
        calls_.delivered(at, what);
        manager_.on(core::received{at.via, over(at, std::move(what))}, now_, out_);
    }

    // A shell may feed several events before it lets time pass.
    void step(bool advance) {
        if (advance) {
            manager_.advance_to(now_, out_);
            require(manager_.next_deadline() > now_, "the next deadline lies ahead");
        }
        routes_.apply(out_.net.effects(), [this](core::send& what) { said(what); });
        out_.net.clear();
        out_.news.clear();
        for (const auto& each : out_.items) calls_.came(each);
        out_.items.clear();
        for (auto& each : out_.callbacks) asked_.push_back(std::move(each));
        out_.callbacks.clear();
        for (auto& each : out_.done) calls_.settled(each, now_);
        out_.done.clear();
        calls_.end_of_event();
        if (advance) calls_.check_deadlines(now_);
        require(manager_.outstanding() == calls_.outstanding(),
                "as many calls are outstanding as are not settled");
        const auto& counted = manager_.calls();
        require(counted.submitted - counted.results - counted.errors == calls_.outstanding(),
                "what was submitted is results, errors or outstanding");
    }
    void said(core::send& say) {
        const auto head = wire::read_header(say.message.first.view());
        require(head.ok(), "a header is good");
        if (head.value().channel == wire::channel::link) {
            require(say.message.frames() <= bounds.frames_max, "frames_max");
            return calls_.sent({say.to, say.relayed.value_or(base::lease_id{})}, say.message);
        }
        const auto read = wire::decode_control(say.message, limits{});
        require(read.ok(), "what a manager says to a parkserver can be read");
        if (const auto* wanted = std::get_if<wire::request>(&read.value())) {
            seen::add(known_.tokens, wanted->token);
        }
    }
    void check_stopped() {
        require(calls_.outstanding() == 0, "every call is settled");
        require(manager_.workers() == 0, "no worker is left");
        require(manager_.registrations() == 0, "no parkserver is left");
        for (std::size_t i = 0; i < 100 && manager_.next_deadline() != base::never; ++i) {
            now_ = manager_.next_deadline();
            step(true);
        }
        require(manager_.next_deadline() == base::never, "nothing is waited for");
    }

    input& in_;
    base::instant now_ = beginning;
    core::manager manager_;
    core::manager_effects out_{settings};
    routes routes_;
    calls calls_;
    seen known_;
    std::uint32_t groups_ = 0;
    int parkservers_ = 0;
    std::uint64_t connections_ = 0, values_ = 0, callbacks_ = 0;
    std::vector<core::called_back> asked_;  // and not answered
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{data, size};
    scene{in}.play();
    return 0;
}
