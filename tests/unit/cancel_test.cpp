// Calls that are cancelled while they wait at a worker: what it costs, and what becomes of them.
#include <algorithm>
#include <maus/shell/function_threads.hpp>
#include <vector>

#include "catch.hpp"
#include "maus/net/clock.hpp"

using namespace maus;

namespace {

wire::attempt attempt(std::uint64_t call) { return {{call}, {1}}; }

/// Jobs that count how often one of them is looked at.
class counted_jobs {
public:
    struct iterator {
        const counted_jobs* of;
        std::size_t at;
        const wire::attempt& operator*() const {
            ++of->looks;
            return of->attempts_[at];
        }
        iterator& operator++() {
            ++at;
            return *this;
        }
        bool operator==(const iterator&) const = default;
    };
    explicit counted_jobs(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) attempts_.push_back(attempt(i));
    }
    [[nodiscard]] bool empty() const { return attempts_.empty(); }
    [[nodiscard]] std::size_t size() const { return attempts_.size(); }
    [[nodiscard]] iterator begin() const { return {this, 0}; }
    [[nodiscard]] iterator end() const { return {this, attempts_.size()}; }

    mutable std::size_t looks = 0;

private:
    std::vector<wire::attempt> attempts_;
};

struct ended {
    std::uint64_t call;
    bool may_start;
    bool operator==(const ended&) const = default;
};

/// Function threads without threads: what waits is run one by one.
struct bench {
    std::vector<ended> log;
    shell::function_threads threads{[this](core::job job, bool may_start) {
                                        log.push_back({job.attempt.call.value, may_start});
                                    },
                                    [](const core::lease_hook&) {}, [] { return true; }};
    void add(std::uint64_t link, std::initializer_list<std::uint64_t> calls) {
        std::vector<core::job> jobs;
        for (const auto call : calls) {
            core::job& made = jobs.emplace_back();
            made.link = link;
            made.attempt = attempt(call);
        }
        threads.add(jobs);
    }
    void permit(std::uint64_t link) { (void)threads.permit(link, base::never); }
    void run_all() {
        while (threads.run_one()) {
        }
    }
};

const auto itself = [](const wire::attempt& each) { return each; };

}  // namespace

TEST_CASE("a cancel does not look through the jobs that wait") {
    const counted_jobs jobs(16'000);
    shell::cancelled_attempts cancelled;
    constexpr std::size_t rounds = 200, each = 1000;
    std::uint64_t unknown = 1'000'000;
    for (std::size_t round = 0; round < rounds; ++round) {
        std::vector<wire::attempt> cancels;
        while (cancels.size() < each) cancels.push_back(attempt(unknown++));
        cancelled.add(cancels, jobs, itself);
    }
    CHECK(jobs.looks <= rounds * each);
    CHECK(cancelled.size() <= 3 * jobs.size());  // what is not there is not remembered for ever
}

TEST_CASE("what was cancelled is still known after a flood of cancels of what is not there") {
    const counted_jobs jobs(100);
    shell::cancelled_attempts cancelled;
    cancelled.add({attempt(7), attempt(99)}, jobs, itself);
    std::vector<wire::attempt> flood;
    while (flood.size() < 10'000) flood.push_back(attempt(1000 + flood.size()));
    cancelled.add(flood, jobs, itself);
    CHECK(cancelled.take(attempt(7)));
    CHECK(cancelled.take(attempt(99)));
    CHECK_FALSE(cancelled.take(attempt(99)));
    CHECK_FALSE(cancelled.take(attempt(8)));
}

TEST_CASE("a cancelled call is returned when its turn comes, the others run") {
    bench on;
    on.permit(1);
    on.add(1, {1, 2, 3});
    on.threads.cancel({attempt(2), attempt(77)});
    on.run_all();
    CHECK(on.log == std::vector<ended>{{1, true}, {2, false}, {3, true}});
}

TEST_CASE("a cancel does not outlive its link") {
    bench on;
    on.permit(1);
    on.add(1, {1});
    on.threads.cancel({attempt(2)});  // too late: its job has gone
    on.permit(2);
    on.add(2, {2});
    on.run_all();
    CHECK(on.log == std::vector<ended>{{1, false}, {2, true}});
}

TEST_CASE("a flood of cancels behind 16,000 calls leaves all of them to run") {
    bench on;
    on.permit(1);
    for (std::uint64_t call = 1; call <= 16'000; ++call) on.add(1, {call});
    std::vector<wire::attempt> cancels;
    for (std::uint64_t call = 1; call <= 200'000; ++call)
        cancels.push_back(attempt(100'000 + call));
    on.threads.cancel(cancels);
    on.run_all();
    CHECK(on.log.size() == 16'000);
    CHECK(std::count_if(on.log.begin(), on.log.end(),
                        [](const ended& each) { return each.may_start; }) == 16'000);
}
