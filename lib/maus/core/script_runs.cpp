#include "maus/core/script_runs.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace maus::core {

namespace {

namespace helper = wire::helper;

std::uint32_t seconds_of(duration time) {
    constexpr std::int64_t most = 1'000'000'000;
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 1, most));
}

std::optional<std::uint64_t> run_of(const helper::answer& with) {
    if (const auto* given = std::get_if<helper::value>(&with)) return given->run;
    if (const auto* threw = std::get_if<helper::threw>(&with)) return threw->run;
    if (const auto* none = std::get_if<helper::no_value>(&with)) return none->run;
    return std::nullopt;
}

std::variant<job_value, job_fault> outcome_of(helper::answer&& with) {
    if (auto* given = std::get_if<helper::value>(&with))
        return job_value{std::move(given->encoded)};
    if (auto* threw = std::get_if<helper::threw>(&with)) {
        return job_fault{errc::remote_exception, std::move(threw->name), std::move(threw->message)};
    }
    return job_fault{errc::bad_result, {}, std::move(std::get<helper::no_value>(with).why)};
}

}  // namespace

void script_runs::ask(script_run&& wanted, instant now, script_effects& out) {
    soonest_ = std::min(soonest_, wanted.deadline);
    waiting_.push_back(std::move(wanted));
    go_on(now, out);
}

// Starts a process, or sends what there is room for.
void script_runs::go_on(instant now, script_effects& out) {
    if (waiting_.empty()) return;
    if (state_ == state::none) {
        state_ = state::starting;
        link_ = waiting_.front().link;
        out.start = true;
    }
    if (state_ == state::up && waiting_.front().link != link_ && sent_.empty()) kill(out);
    while (state_ == state::up && !waiting_.empty() && waiting_.front().link == link_ &&
           sent_.size() <= ahead_max) {
        if (sent_.empty()) began_ = now;
        send(waiting_.front(), out);
        sent_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
}

void script_runs::send(script_run& next, script_effects& out) {
    const std::uint32_t number = number_of(next.script, out);
    helper::add_run(out.send, {next.id, number, seconds_of(time_max_), {}}, next.arguments.view());
}

// What it forgets it has run already: it does all in order.
std::uint32_t script_runs::number_of(const script_pointer& text, script_effects& out) {
    const auto known = std::find_if(texts_.begin(), texts_.end(),
                                    [&](const auto& each) { return each.first == text->id; });
    if (known != texts_.end()) return known->second;
    if (texts_.size() >= texts_max) {
        helper::add(out.send, helper::forget{texts_.front().second});
        texts_.pop_front();
    }
    texts_.emplace_back(text->id, ++texts_made_);
    helper::add(out.send, helper::text{texts_made_, text->text});
    return texts_made_;
}

void script_runs::answered(std::optional<helper::answer>&& with, instant now, script_effects& out) {
    if (state_ == state::ending || state_ == state::none) return;
    if (state_ == state::starting) {
        const bool is_ready = with && std::holds_alternative<helper::ready>(*with);
        if (!is_ready) return;  // it says why it is broken, and ends
        state_ = state::up;
        return go_on(now, out);
    }
    const auto run = with ? run_of(*with) : std::nullopt;
    if (!run || sent_.empty() || sent_.front().id != *run) {
        if (!sent_.empty()) ++sent_.front().deaths;
        return kill(out);
    }
    finish(sent_.front(), outcome_of(*std::move(with)), out);
    sent_.pop_front();
    began_ = now;
    go_on(now, out);
}

void script_runs::finish(script_run& one, std::variant<job_value, job_fault> with,
                         script_effects& out) {
    if (std::exchange(one.done, true)) return;
    out.done.push_back({one.id, std::move(with)});
}

void script_runs::kill(script_effects& out) {
    if (std::exchange(out.start, false)) {  // there is none yet
        state_ = state::none;
        return;
    }
    if (state_ == state::starting || state_ == state::up) out.kill = true;
    if (state_ != state::none) state_ = state::ending;
}

void script_runs::fail_all(const job_fault& why, script_effects& out) {
    for (auto& each : waiting_) finish(each, why, out);
    waiting_.clear();
}

void script_runs::ended(const job_fault& why, instant now, script_effects& out) {
    const state before = std::exchange(state_, state::none);
    texts_.clear();
    // What was to be said to this one, or done with it, is not for the next.
    out.send = {};
    out.kill = false;
    if (before == state::starting) return fail_all(why, out);
    if (before == state::up && !sent_.empty()) ++sent_.front().deaths;
    if (!sent_.empty() && sent_.front().deaths > 1) finish(sent_.front(), why, out);
    std::erase_if(sent_, [](const script_run& each) { return each.done; });
    waiting_.insert(waiting_.begin(), std::make_move_iterator(sent_.begin()),
                    std::make_move_iterator(sent_.end()));
    sent_.clear();
    go_on(now, out);
}

void script_runs::keep_only(std::uint64_t link, instant now, script_effects& out) {
    const job_fault gone{errc::cancelled, {}, "the manager is gone"};
    for (auto* some : {&waiting_, &sent_}) {
        for (auto& each : *some) {
            if (each.link != link) finish(each, gone, out);
        }
    }
    std::erase_if(waiting_, [](const script_run& each) { return each.done; });
    if (state_ != state::none && link_ != link) kill(out);
    go_on(now, out);
}

// --- time ----------------------------------------------------------------------------------------

bool script_runs::runs_too_long(instant now) const {
    return state_ == state::up && !sent_.empty() && now >= base::after(began_, time_max_);
}

void script_runs::advance_to(instant now, script_effects& out) {
    if (runs_too_long(now)) {
        const std::string ms = std::to_string(
            std::chrono::duration_cast<std::chrono::milliseconds>(time_max_).count());
        finish(sent_.front(),
               job_fault{errc::resource_exhausted, "maus-js",
                         "the script ran longer than script_limits.time, " + ms + " ms"},
               out);
        kill(out);
    }
    if (now >= soonest_) give_up_late_ones(now, out);
    go_on(now, out);
}

void script_runs::give_up_late_ones(instant now, script_effects& out) {
    const job_fault late{errc::deadline_exceeded, {}, "the time of the script's caller is up"};
    soonest_ = never;
    for (auto* some : {&waiting_, &sent_}) {
        for (auto& each : *some) {
            if (each.done) continue;
            if (now < each.deadline) {
                soonest_ = std::min(soonest_, each.deadline);
                continue;
            }
            finish(each, late, out);
            if (some == &sent_ && &each == &sent_.front()) kill(out);
        }
    }
    std::erase_if(waiting_, [](const script_run& each) { return each.done; });
}

instant script_runs::next_deadline() const {
    if (state_ != state::up || sent_.empty()) return soonest_;
    return std::min(soonest_, base::after(began_, time_max_));
}

}  // namespace maus::core
