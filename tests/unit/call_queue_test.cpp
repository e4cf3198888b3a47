// How work reaches the thread that does it, and where large payloads lie.
#include <array>
#include <maus/base/block_cache.hpp>
#include <maus/base/call_queue.hpp>
#include <thread>
#include <vector>

#include "catch.hpp"

using namespace maus;

namespace {

struct note : base::linked<note> {
    std::size_t from = 0, number = 0;
};

std::vector<note*> all_of(note* first) {
    std::vector<note*> all;
    for (; first != nullptr; first = first->successor) all.push_back(first);
    return all;
}

}  // namespace

TEST_CASE("an inbox gives what is in it in the order in which it came, once") {
    base::call_queue<note> box;
    std::array<note, 3> notes;
    CHECK(box.empty());
    CHECK(box.take() == nullptr);
    for (auto& each : notes) CHECK(box.put(each));
    CHECK_FALSE(box.empty());
    CHECK(all_of(box.take()) == std::vector<note*>{&notes[0], &notes[1], &notes[2]});
    CHECK(box.empty());
    CHECK(box.take() == nullptr);
}

TEST_CASE("a closed inbox gives what was in it and takes nothing more") {
    base::call_queue<note> box;
    note before, after;
    CHECK(box.put(before));
    CHECK(all_of(box.close()) == std::vector<note*>{&before});
    CHECK_FALSE(box.put(after));
    CHECK(box.empty());
    CHECK(box.take() == nullptr);
}

TEST_CASE("nothing is lost between threads that put and one that takes") {
    constexpr std::size_t threads = 3, each_puts = 20'000;
    base::call_queue<note> box;
    std::vector<std::vector<note>> notes(threads);
    for (std::size_t from = 0; from < threads; ++from) {
        notes[from].resize(each_puts);
        for (std::size_t i = 0; i < each_puts; ++i) {
            notes[from][i].from = from;
            notes[from][i].number = i;
        }
    }
    std::vector<std::thread> writers;
    for (auto& mine : notes) {
        writers.emplace_back([&box, &mine] {
            for (auto& each : mine) {
                if (!box.put(each)) return;
            }
        });
    }
    std::array<std::size_t, threads> came{};
    std::size_t sum = 0, out_of_order = 0;
    while (sum < threads * each_puts) {
        note* const first = box.take();
        if (first == nullptr) std::this_thread::yield();
        for (const note* each : all_of(first)) {
            if (each->number != came[each->from]++) ++out_of_order;
            ++sum;
        }
    }
    for (auto& each : writers) each.join();
    CHECK(out_of_order == 0);
    CHECK(box.empty());
}

TEST_CASE("a large block that was given back is used again where it fits") {
    constexpr std::size_t wanted = 8u << 20;  // nothing else here is as large
    std::size_t bytes = wanted;
    std::byte* const block = base::take_block(bytes);
    CHECK(bytes >= wanted);
    base::give_block(block, bytes);

    std::size_t fits = bytes - 100;
    std::byte* const again = base::take_block(fits);
    CHECK(again == block);
    CHECK(fits == bytes);
    base::give_block(again, fits);

    std::size_t larger = bytes + 1;
    std::byte* const other = base::take_block(larger);
    CHECK(other != block);
    base::give_block(other, larger);
}
