// A worker among parkservers and managers who say anything at all, and an executor that obeys its
// rules and nothing else. What holds after every event:
//
// - nothing is said on a connection that is not there, and all that is said can be read;
// - an offer is answered once, and accepted only by a worker that is free;
// - a call is answered at most once, and as long as its link is there, all that are not answered are
//   jobs;
// - no job may start when the lease has run out; who is free runs nothing;
// - a lease is set up before any of its jobs may start, and cleared up once, when nothing runs, before
//   its worker is free;
// - the next deadline lies ahead.
// Once it was told to stop and its time is up, it has stopped and closed everything.
#include "maus/core/worker.hpp"
#include "tests/fuzz/executor.hpp"
#include "tests/fuzz/routes.hpp"
#include "tests/fuzz/say_link.hpp"

using namespace fuzz;

namespace {

constexpr std::size_t events_max = 64;
constexpr const char* parkservers[] = {"tcp://park:1", "tcp://park:2"};

core::worker_config config(input& in) {
    core::worker_config made;
    made.id = an_id<base::worker_id>(1);
    made.incarnation = {1};
    made.signatures = {"add(i32,i32)->i32", "name(str)->stream<str>",
                       "each(fn<i32(i32)>,i32)->i32"};
    made.settings.features = features_of_machines();
    const auto shape = in.below(4);
    made.concurrency = static_cast<std::uint32_t>(1 + shape % 2);
    made.has_hooks = shape >= 2;
    made.settings.limits.calls_per_worker_max = 4;
    made.settings.limits.payload_apart_bytes = 24;
    made.settings.limits.message_bytes_max = 50;
    made.settings.limits.frames_max = 6;
    made.settings.limits.script_bytes_max = 3 * 4096;
    const auto kind = in.below(4);
    if (kind == 3) {
        made.manager = "tcp://manager:1";
    } else {
        made.parkservers.assign(parkservers, parkservers + (kind == 2 ? 2 : 1));
    }
    return made;
}

class scene {
public:
    explicit scene(input& in) : in_(in), worker_(config(in), now_) { step(); }

    void play() {
        for (std::size_t i = 0; i < events_max && !in_.empty(); ++i) {
            event();
            step();
        }
        leave();
    }

private:
    void event() {
        switch (in_.below(12)) {
            case 0: now_ = later(in_, now_, worker_.next_deadline()); return;
            case 1: return up();
            case 2: return down();
            case 3:
            case 4: return parkserver_says();
            case 5:
            case 6: return hook_ && in_.one_in(2) ? end_hook(in_.one_in(4)) : run_jobs();
            case 7:
                if (in_.one_in(4)) stop();
                return;
            default: return manager_says();
        }
    }
    void up() {
        const auto dialing = routes_.in(routes::state::dialing);
        if (dialing.empty()) return;
        const auto at = in_.one_of(dialing);
        routes_.is_up(at);
        worker_.on(core::up{at}, now_, out_);
    }
    void down() {
        auto there = routes_.in(routes::state::up);
        if (there.empty()) there = routes_.in(routes::state::dialing);
        if (there.empty()) return;
        const auto at = in_.one_of(there);
        routes_.is_down(at);
        worker_.on(core::down{at, "gone"}, now_, out_);
    }
    void stop() {
        const auto by = now_ + std::chrono::seconds{in_.below(3)};
        worker_.on(core::stop_worker{by}, now_, out_);
        if (!std::exchange(stops_, true)) stop_by_ = by;  // only the first counts
    }
    void parkserver_says() {
        const auto there = routes_.talking();
        if (there.empty()) return;
        const auto at = in_.one_of(there);
        const auto kind = in_.below(16);
        wire::message what;
        if (kind < 4) {
            what = wire::encode_control(wire::registered{{}, 1, an_interval(in_), 3});
        } else if (kind < 10) {
            wire::assign offer{
                {1, ++leases_}, an_id<base::token>(3), an_id<base::manager_id>(2), {}};
            if (!in_.one_in(4)) offer.endpoints = some_endpoints(in_);
            if (in_.one_in(8)) offer.lease = a_lease(in_, known_);
            seen::add(known_.leases, offer.lease);
            what = wire::encode_control(offer);
        } else if (kind < 15) {
            what = a_control_message(in_.byte(), in_, known_);
            if (in_.one_in(8)) damage(what, in_);
        } else {
            what = raw(in_, 64);
        }
        worker_.on(core::received{at, std::move(what)}, now_, out_);
    }
    std::uint64_t a_stamp() {
        return stamps_.empty() || in_.one_in(16) ? in_.byte()
                                                 : stamps_[a_late_one(in_, stamps_.size())];
    }
    void record_to_worker(wire::link_writer& to) {
        const wire::attempt what{{1 + in_.below(3)}, {in_.one_in(4) ? 2u : 1u}};
        switch (in_.below(13)) {
            case 12: {
                const wire::callback which{1 + in_.below(4), 0};
                if (in_.one_in(4)) return to.callback_failed(what, which, {1, "t", "x"}, 99);
                return to.carry(wire::record_type::callback_result, what, which, a_payload(in_));
            }
            case 0:
            case 1:
                return to.say(wire::welcome{an_id<base::manager_id>(2),
                                            {1},
                                            an_interval(in_),
                                            a_liveness(in_),
                                            a_stamp(),
                                            abilities(in_)});
            case 2: return to.stamp(wire::record_type::pong, a_stamp());
            case 3: return to.about(wire::record_type::cancel, what);
            case 4: return a_record(to, in_, known_);
            case 5: {
                const bool rejects = in_.one_in(2);
                return to.part(
                    rejects ? wire::record_type::reject : wire::record_type::manager_goodbye,
                    errc::cancelled, "no");
            }
            default: {
                const auto function =
                    static_cast<std::uint16_t>(in_.one_in(4) ? 2 : what.call.value % 2);
                const bool once = in_.one_in(4);
                base::buffer payload = a_payload(in_);
                return to.call(what, function, once, payload);
            }
        }
    }
    void manager_says() {
        const auto there = routes_.talking();
        if (there.empty()) return;
        link_key at{link_.via, link_.relayed};
        if (in_.one_in(8)) at = {in_.one_of(there), {}};
        if (in_.one_in(8)) at.relayed = a_lease(in_, known_);
        if (!routes_.is(at.via, routes::state::up) && !routes_.is(at.via, routes::state::closed))
            return;
        wire::message what;
        wire::link_writer to{what, worker_.config().settings.limits};
        for (auto count = 1 + in_.below(3); count != 0; --count) record_to_worker(to);
        if (in_.one_in(8)) change_flags(what, in_);
        if (in_.one_in(16)) damage(what, in_);
        count_calls(at, what);
        worker_.on(core::received{at.via, over(at, std::move(what))}, now_, out_);
    }
    void count_calls(const link_key& at, wire::message& what) {
        const auto head = wire::read_header(what.first.view());
        if (!head || head.value().channel != wire::channel::link) return;
        wire::link_reader records{what};
        wire::record record;
        while (records.next(record)) {
            base::byte_view body = record.body;
            if (record.type != wire::record_type::call) continue;
            if (const auto call = wire::take_attempt(body)) ++owed_[at][*call];
        }
    }
    void run_jobs() {
        const bool may_start = worker_.startable() != 0 && now_ < worker_.lease_until();
        executor_.work(in_, may_start ? worker_.startable() : 0, worker_.config().concurrency,
                       [&](auto done) { worker_.on(std::move(done), now_, out_); });
    }

    void begin_hook(core::lease_hook::kind what) {
        require(!hook_, "one hook runs at a time");
        const bool sets_up = what == core::lease_hook::kind::set_up;
        require(sets_up != is_set_up_, "who is set up is cleared up, and the other way round");
        require(sets_up || executor_.slots_held() == 0, "who is cleared up runs nothing");
        hook_ = what;
    }
    void end_hook(bool refuses) {
        core::hook_done told;
        if (*hook_ == core::lease_hook::kind::set_up && refuses) told.refused = "no";
        is_set_up_ = *hook_ == core::lease_hook::kind::set_up && !refuses;
        hook_.reset();
        worker_.on(std::move(told), now_, out_);
    }

    void step() {
        worker_.advance_to(now_, out_);
        if (out_.hook) begin_hook(std::exchange(out_.hook, std::nullopt)->what);
        require(worker_.startable() == 0 || !worker_.config().has_hooks || (is_set_up_ && !hook_),
                "who is not set up starts nothing");
        const auto state = worker_.now_in();
        require(worker_.next_deadline() > now_, "the next deadline lies ahead");
        require(worker_.startable() == 0 || now_ < worker_.lease_until(),
                "no job may start when the lease has run out");
        for (auto& each : out_.execute) executor_.add(std::move(each));
        out_.execute.clear();
        for (const auto& each : out_.cancel) executor_.cancel(worker_.startable(), each);
        out_.cancel.clear();
        out_.more.clear();
        for (const auto& each : out_.called_back) executor_.hear(each);
        out_.called_back.clear();
        routes_.apply(out_.net.effects(), [this](core::send& what) { said(what); });
        out_.net.clear();
        require(offers_ <= 1, "an offer is answered once");
        require(state != core::worker::state::free || executor_.slots_held() == 0,
                "who is free runs nothing");
        require(state != core::worker::state::free || (!is_set_up_ && !hook_),
                "who is free is cleared up");
        if (state == core::worker::state::serving) check_owed();
        before_ = state;
        offers_ = 0;
    }
    void check_owed() {
        int owed = 0;
        for (const auto& [call, count] : owed_[link_]) owed += count;
        require(owed == executor_.jobs_of(worker_.startable()),
                "calls that are not answered are jobs");
    }
    void said(core::send& say) {
        const auto head = wire::read_header(say.message.first.view());
        require(head.ok(), "a header is good");
        if (head.value().channel == wire::channel::link) {
            return said_to_manager({say.to, say.relayed.value_or(base::lease_id{})}, say.message);
        }
        const auto read = wire::decode_control(say.message, limits{});
        require(read.ok(), "what a worker says to a parkserver can be read");
        if (std::holds_alternative<wire::accepted>(read.value())) {
            ++offers_;
            require(before_ == core::worker::state::free, "only who is free accepts an offer");
        } else if (std::holds_alternative<wire::refused>(read.value())) {
            ++offers_;
        } else if (std::holds_alternative<wire::available>(read.value())) {
            require(executor_.slots_held() == 0, "who is available runs nothing");
        }
    }
    void said_to_manager(const link_key& at, wire::message& what) {
        wire::link_reader records{what};
        wire::record record;
        while (records.next(record)) {
            base::byte_view body = record.body;
            switch (record.type) {
                case wire::record_type::hello: {
                    const auto read = wire::decode_hello(body, limits{});
                    require(read.ok(), "a hello can be read");
                    link_ = at;
                    owed_[at].clear();
                    seen::add(stamps_, read.value().stamp);
                    break;
                }
                case wire::record_type::ping:
                    seen::add(stamps_, wire::decode_stamp(body).value_or(0));
                    break;
                case wire::record_type::result:
                case wire::record_type::failed:
                case wire::record_type::returned: {
                    const auto call = wire::take_attempt(body);
                    require(call.has_value(), "an answer names its attempt");
                    require(owed_[at][*call]-- > 0, "a call is answered once");
                    break;
                }
                case wire::record_type::item: {
                    const auto items = wire::take_items(record);
                    require(items.has_value(), "items can be read");
                    require(owed_[at][items->of] > 0, "items come before the answer");
                    break;
                }
                default: break;
            }
        }
        require(!records.violation(), "what a worker says to a manager can be read");
    }

    void leave() {
        if (!stops_) stop();
        step();
        if (in_.one_in(2)) finish_jobs();
        for (int i = 0; hook_ && in_.one_in(2) && i < 2; ++i) {
            end_hook(false);
            step();
        }
        now_ = std::max(now_, stop_by_);
        step();
        finish_jobs();
        require(worker_.now_in() == core::worker::state::stopped, "who was stopped has stopped");
        require(worker_.next_deadline() == base::never, "and waits for nothing");
        require(routes_.in(routes::state::up).empty(), "and has no connection");
        require(routes_.in(routes::state::dialing).empty(), "and seeks none");
    }
    void finish_jobs() {
        executor_.finish([&](core::job_done done) { worker_.on(std::move(done), now_, out_); });
        step();
    }

    input& in_;
    base::instant now_ = beginning;
    core::worker worker_;
    core::worker_effects out_{worker_.config().settings};
    executor executor_;
    routes routes_;
    seen known_;
    std::vector<std::uint64_t> stamps_;
    link_key link_;  // that said hello last
    std::map<link_key, std::map<wire::attempt, int>> owed_;
    std::uint64_t leases_ = 100;
    core::worker::state before_ = core::worker::state::free;
    int offers_ = 0;  // answered by the event at hand
    bool stops_ = false;
    std::optional<core::lease_hook::kind> hook_;  // that runs
    bool is_set_up_ = false;
    base::instant stop_by_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{data, size};
    scene{in}.play();
    return 0;
}
