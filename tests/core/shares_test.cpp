// Fair shares of elastic requests by themselves: PROTOCOL.md, P-101.
#include "catch.hpp"

#include "broker/core/shares.hpp"
#include "maus/base/random.hpp"

namespace {

using maus::broker::shares;

// Requests that have all that they are to have, after each step.
struct partition {
    shares table;
    std::map<shares::key, shares::demand> says;

    void add(shares::key which, std::uint32_t base, std::uint32_t most = 0, std::uint32_t has = 0) {
        says[which] = {base, most, has};
        table.set(which, says[which]);
    }
    void move_workers() {
        for (auto& [which, each] : says) {
            each.has = table.of(which);
            table.set(which, each);
        }
    }
    std::vector<std::uint32_t> settled(std::uint64_t spare) {
        table.settle(spare);
        std::vector<std::uint32_t> all;
        for (const auto& [which, each] : says) all.push_back(table.of(which));
        return all;
    }
    std::size_t changes() { return table.take_changed().size(); }
};

using numbers = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("shares: what is beyond the bases is shared out evenly, within most") {
    partition all;
    all.add(1, 1);
    CHECK(all.settled(9) == numbers{10});
    all.add(2, 1);
    CHECK(all.settled(8) == numbers{5, 5});
    all.add(3, 1, 2);
    CHECK(all.settled(7) == numbers{4, 4, 2});
    all.add(4, 6);
    CHECK(all.settled(1) == numbers{2, 1, 1, 6});
    CHECK(all.settled(0) == numbers{1, 1, 1, 6});
    CHECK(all.settled(20) == numbers{9, 9, 2, 9});
}

TEST_CASE("shares: a share never falls below its base, nor grows beyond most") {
    partition all;
    all.add(1, 4, 4);
    all.add(2, 2, 3);
    CHECK(all.settled(100) == numbers{4, 3});
    CHECK(all.settled(0) == numbers{4, 2});
    all.add(2, 5, 3);  // it has five from elsewhere
    CHECK(all.settled(100) == numbers{4, 5});
}

TEST_CASE("shares: shares that differ by one do not move, whatever is asked again") {
    partition all;
    for (shares::key which = 1; which <= 3; ++which) all.add(which, 1);
    CHECK(all.settled(8) == numbers{4, 4, 3});
    all.move_workers();
    (void)all.changes();
    for (int i = 0; i < 5; ++i) CHECK(all.settled(8) == numbers{4, 4, 3});
    CHECK(all.changes() == 0);
}

TEST_CASE("shares: a worker that goes is missed by the one that had it, where that is as fair") {
    partition all;
    for (shares::key which = 1; which <= 2; ++which) all.add(which, 1);
    REQUIRE(all.settled(8) == numbers{5, 5});
    all.move_workers();
    all.add(1, 1, 0, 4);
    CHECK(all.settled(7) == numbers{4, 5});
    all.move_workers();
    // And again: now nobody but the other can be fair to it.
    all.add(1, 1, 0, 3);
    CHECK(all.settled(6) == numbers{4, 4});
}

TEST_CASE("shares: who has the least grows first") {
    partition all;
    all.add(1, 1, 0, 1);
    all.add(2, 1, 0, 2);
    (void)all.settled(6);
    REQUIRE(all.table.next_to_grow().has_value());
    CHECK(*all.table.next_to_grow() == 1);
    all.move_workers();
    CHECK_FALSE(all.table.next_to_grow().has_value());
}

TEST_CASE("shares: the sums of what is above and below the bases follow every change") {
    partition all;
    all.add(1, 2, 0, 5);
    all.add(2, 4, 0, 1);
    CHECK(all.table.surplus() == 3);
    CHECK(all.table.lacking() == 3);
    all.table.erase(1);
    CHECK(all.table.surplus() == 0);
    CHECK(all.table.lacking() == 3);
    all.table.erase(2);
    CHECK(all.table.empty());
    all.table.settle(5);
    CHECK(all.table.lacking() == 0);
}

// Whatever comes and goes: the shares sum up, keep their bounds, and no worker could be moved from one
// that has more to one that has less by two.
TEST_CASE("shares: are fair after every one of many random changes") {
    maus::base::random luck(7);
    partition all;
    std::uint64_t spare = 0;
    for (int step = 0; step < 4000; ++step) {
        const shares::key which = luck.below(8);
        if (luck.below(5) == 0) {
            all.table.erase(which);
            all.says.erase(which);
        } else {
            const auto base = static_cast<std::uint32_t>(1 + luck.below(4));
            const auto more = static_cast<std::uint32_t>(luck.below(6));
            all.add(which, base, luck.below(2) == 0 ? 0 : base + more,
                    static_cast<std::uint32_t>(luck.below(9)));
        }
        spare = luck.below(40);
        all.table.settle(spare);
        if (luck.below(2) == 0) all.move_workers();
        std::uint64_t beyond = 0, room = 0;
        for (const auto& [rich, of] : all.says) {
            const std::uint32_t share = all.table.of(rich);
            beyond += share - of.base;
            room += of.most == 0 ? spare : std::max(of.most, of.base) - share;
            REQUIRE(share >= of.base);
            for (const auto& [poor, other] : all.says) {
                const bool may_move =
                    share > of.base && (other.most == 0 || all.table.of(poor) < other.most);
                REQUIRE((!may_move || share < all.table.of(poor) + 2));
            }
        }
        REQUIRE((beyond == spare || (beyond < spare && room == 0) || all.says.empty()));
    }
}
