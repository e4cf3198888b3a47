#include "broker/core/shares.hpp"

#include <algorithm>
#include <iterator>

#include "maus/base/assert.hpp"

namespace maus::broker {

void shares::put_in(key which, const entry& of) {
    MAUS_ASSERT(of.share >= of.says.base, "a share is less than its base");
    if (of.may_give()) givers_.insert(among_givers(which, of));
    if (of.may_take()) takers_.insert(among_takers(which, of));
    if (of.says.has < of.share) growing_.insert({of.says.has, which});
    shared_out_ += of.share - of.says.base;
    surplus_ += of.says.has - std::min(of.says.has, of.says.base);
    lacking_ += of.says.base - std::min(of.says.has, of.says.base);
}

void shares::take_out(key which, const entry& of) {
    givers_.erase(among_givers(which, of));
    takers_.erase(among_takers(which, of));
    growing_.erase({of.says.has, which});
    shared_out_ -= of.share - of.says.base;
    surplus_ -= of.says.has - std::min(of.says.has, of.says.base);
    lacking_ -= of.says.base - std::min(of.says.has, of.says.base);
}

void shares::set(key which, const demand& says) {
    const auto [at, is_new] = entries_.try_emplace(which);
    entry& its = at->second;
    demand bounded = says;
    if (bounded.most != 0) bounded.most = std::max(bounded.most, bounded.base);
    if (!is_new && its.says == bounded) return;
    if (!is_new) take_out(which, its);
    const std::uint32_t most = bounded.most == 0 ? ~std::uint32_t{0} : bounded.most;
    its = {bounded, std::clamp(its.share, bounded.base, most)};
    put_in(which, its);
    changed_.insert(which);
}

void shares::erase(key which) {
    const auto found = entries_.find(which);
    if (found == entries_.end()) return;
    take_out(which, found->second);
    changed_.erase(which);
    entries_.erase(found);
}

void shares::touch(key which) {
    if (entries_.contains(which)) changed_.insert(which);
}

std::uint32_t shares::of(key which) const {
    const auto found = entries_.find(which);
    return found == entries_.end() ? 0 : found->second.share;
}

std::optional<shares::key> shares::next_to_grow() const {
    if (growing_.empty()) return std::nullopt;
    return growing_.begin()->second;
}

void shares::change_share(key which, std::uint32_t to) {
    entry& its = entries_.at(which);
    take_out(which, its);
    its.share = to;
    put_in(which, its);
    changed_.insert(which);
}

// As many as leave it no poorer than the next one, but one in any case.
std::uint32_t shares::give(std::uint64_t at_most) {
    const place richest = *givers_.rbegin();
    const entry& its = entries_.at(richest.which);
    std::uint64_t many = std::min<std::uint64_t>(at_most, its.share - its.says.base);
    const auto next = std::next(givers_.rbegin());
    if (next != givers_.rend())
        many = std::min<std::uint64_t>(many, std::max(1u, richest.share - next->share));
    change_share(richest.which, its.share - static_cast<std::uint32_t>(many));
    return static_cast<std::uint32_t>(many);
}

std::uint32_t shares::take(std::uint64_t at_most) {
    const place poorest = *takers_.begin();
    const entry& its = entries_.at(poorest.which);
    std::uint64_t many = std::min<std::uint64_t>(at_most, its.room());
    const auto next = std::next(takers_.begin());
    if (next != takers_.end())
        many = std::min<std::uint64_t>(many, std::max(1u, next->share - poorest.share));
    change_share(poorest.which, its.share + static_cast<std::uint32_t>(many));
    return static_cast<std::uint32_t>(many);
}

void shares::settle(std::uint64_t spare) {
    while (shared_out_ > spare) {
        MAUS_ASSERT(!givers_.empty(), "more is shared out than anybody has");
        give(shared_out_ - spare);
    }
    while (shared_out_ < spare && !takers_.empty()) take(spare - shared_out_);
    // What is given is more than the takers have then: the sum of squares shrinks, so this ends.
    while (!givers_.empty() && !takers_.empty()) {
        const std::uint32_t richest = givers_.rbegin()->share;
        const std::uint32_t poorest = takers_.begin()->share;
        if (richest < poorest + 2) return;
        std::uint32_t moved = give((richest - poorest) / 2);
        while (moved > 0) moved -= take(moved);
    }
}

}  // namespace maus::broker
