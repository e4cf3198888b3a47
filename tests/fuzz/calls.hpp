// What became of a manager's calls, as somebody outside sees it: where each attempt went, and which
// answers were given to it.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "maus/core/dispatcher.hpp"
#include "tests/fuzz/routes.hpp"

namespace fuzz {

using namespace maus;

class calls {
public:
    static constexpr std::array<const char*, 3> methods = {"add(i32,i32)->i32",
                                                           "name(str)->stream<str>", "g()->void"};
    static constexpr std::uint32_t stream = 1;  // of the methods
    static constexpr std::uint32_t items_max = 2;

    [[nodiscard]] std::size_t size() const { return all_.size(); }
    [[nodiscard]] std::size_t outstanding() const { return outstanding_; }
    [[nodiscard]] base::call_id id_of(std::size_t ticket) const { return all_[ticket].id; }

    template <class Submit>
    void submit(core::submission what, base::instant now, Submit how) {
        what.ticket = all_.size();
        const auto& how_to = what.options;
        call made{{}, what.method, now, what.payload.size()};
        made.options.delivery = how_to.delivery;
        made.options.max_crashes = how_to.max_crashes;
        made.options.timeout = how_to.timeout;
        made.options.attempt_timeout = how_to.attempt_timeout;
        if (how_to.tags) made.options.hedge_after = how_to.tags->hedge_after;
        if (how_to.tags && !how_to.tags->worker.empty()) made.options.worker = how_to.tags->worker;
        all_.push_back(std::move(made));
        ++outstanding_;
        if (const auto id = how(std::move(what)); id.value != 0) {
            all_.back().id = id;
            require(tickets_.emplace(id.value, all_.size() - 1).second, "a call's id is its own");
        } else {
            all_.back().refused = true;
        }
    }

    /// Links that said hello, the latest last.
    [[nodiscard]] const std::vector<link_key>& links() const { return links_; }
    void met(const link_key& at) {
        std::erase(links_, at);
        links_.push_back(at);
    }
    /// Mostly one that this link has.
    [[nodiscard]] wire::attempt an_attempt_on(const link_key& at, input& in) const {
        const auto there = attempts_.find(at);
        const auto pick = in.byte();
        if (there == attempts_.end() || pick >= 250) {
            return all_.empty() ? wire::attempt{{pick}, {1}}
                                : wire::attempt{all_[pick % all_.size()].id, {1}};
        }
        return there->second[there->second.size() - 1 - pick % there->second.size()];
    }

    /// Said to a worker.
    void sent(const link_key& at, wire::message& what) {
        wire::link_reader records{what};
        wire::record record;
        while (records.next(record)) {
            base::byte_view body = record.body;
            if (record.type == wire::record_type::call) {
                attempted(at, *wire::take_attempt(body), record);
            } else if (record.type == wire::record_type::cancel) {
                const auto about = wire::take_attempt(body);
                const auto& had = attempts_[at];
                require(std::find(had.begin(), had.end(), *about) != had.end(),
                        "what is cancelled was sent there");
            }
        }
        require(!records.violation(), "what a manager says to a worker can be read");
    }
    /// Somebody tells how much it takes.
    void limited(const wire::capabilities& by) {
        bytes_max_ = std::min(bytes_max_, wire::limits_of(by).message_bytes_max);
    }
    /// Said by a worker, and about to be handed to the manager.
    void delivered(const link_key& at, wire::message& what) {
        const auto head = wire::read_header(what.first.view());
        if (!head || head.value().channel != wire::channel::link) return;
        wire::link_reader records{what};
        wire::record record;
        while (records.next(record)) {
            base::byte_view body = record.body;
            if (record.type == wire::record_type::hello) {
                const auto read = wire::decode_hello(body, limits{});
                if (!read) continue;
                signatures_[at] = read.value().signatures;
                workers_[at] = read.value().worker;
                limited(read.value().can);
                continue;
            }
            const auto about = wire::take_attempt(body);
            if (!about) continue;
            if (record.type == wire::record_type::failed)
                answers_.push_back({at, *about, {}, false});
            if (record.type != wire::record_type::result) continue;
            const auto payload = record.apart != nullptr ? record.apart->view() : body;
            answers_.push_back({at, *about, std::string(base::as_text(payload)), true});
        }
    }

    void settled(const core::settled& what, base::instant now) {
        require(what.ticket < all_.size(), "who is settled was submitted");
        call& one = all_[what.ticket];
        require(!one.settled, "a call is settled once");
        one.settled = true;
        --outstanding_;
        const auto& result = what.result;
        if (!result.error) {
            return require(answered(one, true, base::as_text(result.payload.view())),
                           "a value is one that its current attempt was answered with");
        }
        if (one.refused || answered(one, false, {})) return;  // by whatever its worker says
        check_error(one, result, now);
    }
    void came(const core::items_came& what) {
        require(what.ticket < all_.size(), "whose items come was submitted");
        call& one = all_[what.ticket];
        require(!one.settled, "no items come behind the end");
        require(one.method.value == stream && one.attempts != 0, "and only of a stream");
        one.items += what.count;
        require(one.items <= items_max, "and no more than it takes");
    }
    void end_of_event() { answers_.clear(); }
    void check_deadlines(base::instant now) const {
        for (const auto& each : all_) {
            require(each.settled || base::after(each.submitted, each.options.timeout) > now,
                    "a call is settled by its deadline");
        }
    }

private:
    struct call {
        maus::call_options options;
        base::method_id method;
        base::instant submitted;
        std::size_t bytes = 0;
        base::call_id id{};
        std::uint32_t attempts = 0;
        link_key at{};             // of the last attempt
        std::uint32_t hedged = 0;  // the attempt before that, which may still run
        link_key hedged_at{};
        [[nodiscard]] bool may_be_hedged() const {
            return options.hedge_after != base::duration::max() && options.worker.empty() &&
                   options.delivery != maus::delivery::at_most_once;
        }
        bool settled = false, refused = false;
        std::uint32_t items = 0;
    };
    struct answer {
        link_key at;
        wire::attempt about;
        std::string payload;
        bool is_result;
    };

    void attempted(const link_key& at, const wire::attempt& what, const wire::record& record) {
        const auto found = tickets_.find(what.call.value);
        require(found != tickets_.end(), "what is sent was submitted");
        call& one = all_[found->second];
        require(!one.settled, "a settled call is not sent");
        require(what.number.value == one.attempts + 1, "attempts are counted");
        if (one.may_be_hedged()) {
            one.hedged = one.attempts;
            one.hedged_at = one.at;
        }
        one.attempts = what.number.value;
        one.at = at;
        require(one.options.worker.empty() || one.options.worker.bytes() == workers_[at].bytes,
                "a call for one worker is sent to no other");
        require(one.options.delivery != maus::delivery::at_most_once || one.attempts == 1,
                "at_most_once is sent once");
        const bool once = (record.flags & wire::flag_at_most_once) != 0;
        require(once == (one.options.delivery == maus::delivery::at_most_once),
                "a call's flag is its policy");
        const auto& exposed = signatures_[at];
        require(record.function < exposed.size() &&
                    exposed[record.function] == methods[one.method.value],
                "a function's number is its place in hello");
        attempts_[at].push_back(what);
    }
    [[nodiscard]] bool answered(const call& one, bool with_result, std::string_view payload) const {
        return std::any_of(answers_.begin(), answers_.end(), [&](const answer& each) {
            const std::uint32_t number = each.about.number.value;
            const bool is_last = each.at == one.at && number == one.attempts;
            const bool is_other = each.at == one.hedged_at && number == one.hedged;
            return each.is_result == with_result && each.about.call == one.id && number != 0 &&
                   (is_last || is_other) && each.payload == payload;
        });
    }
    void check_error(const call& one, const core::outcome& result, base::instant now) const {
        const auto attempts = result.about ? result.about->attempts.size() : 0;
        switch (*result.error) {
            case errc::poisoned:
                require(one.options.delivery != maus::delivery::at_most_once,
                        "at_most_once is not poisoned");
                // With a cap of 1, a start in doubt does not keep it from its first.
                require(attempts == std::max<std::size_t>(one.options.max_crashes, 1) ||
                            (one.options.max_crashes <= 1 && attempts == 2) ||
                            (one.may_be_hedged() &&
                             attempts == std::max<std::size_t>(one.options.max_crashes, 2) + 1),
                        "poisoned at the cap, with the list of attempts");
                return;
            case errc::maybe_executed:
                return require(
                    one.options.delivery == maus::delivery::at_most_once && one.attempts == 1,
                    "maybe_executed is for at_most_once that was sent");
            case errc::deadline_exceeded:
                return require(now >= base::after(one.submitted, one.options.timeout),
                               "a deadline has passed");
            case errc::attempt_timeout:
                return require(
                    one.options.attempt_timeout != base::duration::max() && one.attempts != 0,
                    "an attempt took too long");
            case errc::too_large:
                return require(one.bytes > bytes_max_,
                               "too_large is more than a worker or a relay said that it takes");
            case errc::worker_lost:
                return require(!one.options.worker.empty(), "worker_lost is of a call for one");
            case errc::stream_broken:
                return require(one.items != 0 && result.about->delivered == one.items,
                               "a stream breaks behind the items that came");
            case errc::no_workers:
            case errc::no_such_function:
            case errc::signature_mismatch:
            case errc::cancelled:
            case errc::shutdown: return;
            default: require(false, "this error is none of a manager's own");
        }
    }

    std::vector<call> all_;
    std::map<std::uint64_t, std::size_t> tickets_;
    std::size_t outstanding_ = 0;
    std::uint64_t bytes_max_ = limits{}.message_bytes_max;  // the least that anybody said
    std::vector<link_key> links_;
    std::map<link_key, std::vector<std::string>> signatures_;
    std::map<link_key, base::worker_id> workers_;
    std::map<link_key, std::vector<wire::attempt>> attempts_;
    std::vector<answer> answers_;  // of the event at hand
};

}  // namespace fuzz
