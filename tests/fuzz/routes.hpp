// What a machine may do with connections: open each once, say nothing on one that is not there or
// was closed, and close each at most once.
#pragma once

#include <map>

#include "maus/core/outbox.hpp"
#include "tests/fuzz/input.hpp"

namespace fuzz {

using namespace maus;

/// A link, as its two ends call it.
struct link_key {
    base::route via;
    base::lease_id relayed;
    auto operator<=>(const link_key&) const = default;
};

/// A message as it comes over that link.
inline wire::message over(const link_key& at, wire::message what) {
    if (!at.relayed.none()) {
        what.rest.insert(what.rest.begin(), std::move(what.first));
        what.first = wire::relay_frame(at.relayed);
    }
    return what;
}

class routes {
public:
    enum class state { dialing, up, closed, down };

    /// One that somebody else made.
    void came(base::route at) { all_[at] = state::up; }
    void is_up(base::route at) { all_[at] = state::up; }
    void is_down(base::route at) { all_[at] = state::down; }

    [[nodiscard]] bool is(base::route at, state wanted) const {
        const auto found = all_.find(at);
        return found != all_.end() && found->second == wanted;
    }
    [[nodiscard]] std::vector<base::route> in(state wanted) const {
        std::vector<base::route> found;
        for (const auto& [at, now] : all_) {
            if (now == wanted) found.push_back(at);
        }
        return found;
    }
    /// One of those that messages may come from: a closed one may have sent before it heard of it.
    [[nodiscard]] std::vector<base::route> talking() const {
        std::vector<base::route> found;
        for (const auto& [at, now] : all_) {
            if (now == state::up || now == state::closed) found.push_back(at);
        }
        return found;
    }

    void apply(const core::open& what) {
        require(!all_.contains(what.to), "a route is opened once");
        all_[what.to] = state::dialing;
    }
    void apply(const core::close& what) {
        if (is(what.to, state::down)) return;  // a shell finds nothing to close
        require(is(what.to, state::up) || is(what.to, state::dialing),
                "only a connection that is there is closed, once");
        all_[what.to] = state::closed;
    }
    void apply(const core::send& what) {
        require(is(what.to, state::up), "nothing is sent where there is no connection");
        require(what.message.first.size() >= wire::header_bytes, "a message has a header");
    }
    /// All of them, in order; `said` is told of each message.
    template <class Said>
    void apply(std::vector<core::outbox::effect>& effects, Said said) {
        for (auto& effect : effects) {
            if (const auto* dial = std::get_if<core::open>(&effect)) apply(*dial);
            if (const auto* part = std::get_if<core::close>(&effect)) apply(*part);
            if (auto* say = std::get_if<core::send>(&effect)) {
                apply(*say);
                said(*say);
            }
        }
    }

private:
    std::map<base::route, state> all_;
};

inline constexpr base::instant beginning{std::chrono::hours{1}};

/// Time goes on: to the next deadline, a little beyond it, or by some step.
inline base::instant later(input& in, base::instant now, base::instant deadline) {
    static constexpr std::int64_t steps_ms[] = {0, 1, 50, 400, 1000, 3001, 100'000};
    const auto pick = in.below(10);
    if (pick < 3 && deadline != base::never) {
        return std::max(now, deadline + base::duration{static_cast<std::int64_t>(pick) - 1});
    }
    return now + std::chrono::milliseconds{steps_ms[pick % 7]};
}

}  // namespace fuzz
