// How many workers each elastic request of one type is to have: fair shares (PROTOCOL.md, P-101).
//
// A request is sure of its base: its min, or what it has from elsewhere if that is more. What is there
// beyond all bases is shared out one by one: the poorest gets the next, the richest gives one up. So
// no two shares differ by more than one, but where base or most say so (max-min fairness), and shares
// that differ by one never move: that is what keeps workers from going to and fro. A worker that
// comes or goes moves one share, which costs O(log n).
//
// Of two that are equally poor or rich, that one is taken for which nobody has to move: a request
// that has more than its share keeps it, one that has less goes without.
//
// Pure: no socket, clock or thread.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace maus::broker {

class shares {
public:
    using key = std::uint64_t;  // a request's place in the order; older ones have smaller ones

    struct demand {
        std::uint32_t base = 1;
        std::uint32_t most = 0;  // 0: no bound
        std::uint32_t has = 0;
        friend bool operator==(const demand&, const demand&) = default;
    };

    /// Adds a request, whose share is its base at first, or changes what it says.
    void set(key which, const demand& says);
    void erase(key which);
    /// It counts as changed, so that what it is told is looked at again.
    void touch(key which);
    /// Shares `spare` workers out, those beyond all bases.
    void settle(std::uint64_t spare);

    [[nodiscard]] bool empty() const { return entries_.empty(); }
    [[nodiscard]] std::uint32_t of(key which) const;
    /// What all have beyond their bases, and what all lack of them.
    [[nodiscard]] std::uint64_t surplus() const { return surplus_; }
    [[nodiscard]] std::uint64_t lacking() const { return lacking_; }
    /// Who has the least of those that have less than their shares.
    [[nodiscard]] std::optional<key> next_to_grow() const;
    /// Whose share, or what it has, changed since this was asked the last time.
    [[nodiscard]] std::set<key> take_changed() { return std::exchange(changed_, {}); }

private:
    struct entry {
        demand says;
        std::uint32_t share = 0;
        [[nodiscard]] bool may_give() const { return share > says.base; }
        [[nodiscard]] bool may_take() const { return says.most == 0 || share < says.most; }
        [[nodiscard]] std::uint32_t room() const {
            return says.most == 0 ? ~std::uint32_t{0} - share : says.most - share;
        }
    };
    struct place {  // among those that may give, or take
        std::uint32_t share;
        bool later;  // among its equals
        key which;
        friend auto operator<=>(const place&, const place&) = default;
    };
    static place among_givers(key which, const entry& of) {
        return {of.share, of.says.has < of.share, which};
    }
    static place among_takers(key which, const entry& of) {
        return {of.share, of.says.has <= of.share, which};
    }
    void put_in(key which, const entry& of);
    void take_out(key which, const entry& of);
    void change_share(key which, std::uint32_t to);
    /// Both return how many.
    std::uint32_t give(std::uint64_t at_most);
    std::uint32_t take(std::uint64_t at_most);

    std::map<key, entry> entries_;
    std::set<place> givers_, takers_;
    std::set<std::pair<std::uint32_t, key>> growing_;  // by what they have
    std::set<key> changed_;
    std::uint64_t shared_out_ = 0;  // beyond all bases
    std::uint64_t surplus_ = 0, lacking_ = 0;
};

}  // namespace maus::broker
