// Several futures as one.
#include <maus/when.hpp>
#include <string>
#include <thread>

#include "catch.hpp"
#include "pending_call.hpp"

using namespace std::chrono_literals;

namespace {
template <class T>
std::vector<maus::future<T>> futures_of(std::vector<pending_call<T>>& calls) {
    std::vector<maus::future<T>> all;
    for (auto& each : calls) all.push_back(std::move(each.future));
    return all;
}
}  // namespace

TEST_CASE("when_all gives the values in the order of the futures") {
    std::vector<pending_call<int>> calls(3);
    auto all = maus::when_all(futures_of(calls));
    calls[2].comes(3);
    calls[0].comes(1);
    CHECK_FALSE(all.ready());
    calls[1].comes(2);
    CHECK(all.get() == std::vector{1, 2, 3});
    CHECK(maus::when_all(std::vector<maus::future<int>>{}).get().empty());
}

TEST_CASE("when_all of nothing but void is void, and of different types a tuple") {
    std::vector<pending_call<void>> calls(2);
    maus::future<void> both = maus::when_all(futures_of(calls));
    calls[0].comes();
    CHECK_FALSE(both.ready());
    calls[1].comes();
    both.get();

    pending_call<int> number;
    pending_call<std::string> text;
    pending_call<void> nothing;
    auto all =
        maus::when_all(std::move(number.future), std::move(text.future), std::move(nothing.future));
    nothing.comes();
    text.comes(std::string("two"));
    CHECK_FALSE(all.ready());
    number.comes(1);
    const auto [one, two, none] = all.get();
    CHECK(one == 1);
    CHECK(two == "two");
}

TEST_CASE("when_all fails as soon as one does, and only once") {
    std::vector<pending_call<int>> calls(3);
    auto all = maus::when_all(futures_of(calls));
    calls[1].fails(maus::errc::maybe_executed);
    CHECK(all.ready());
    calls[0].fails(maus::errc::poisoned);
    calls[2].comes(3);
    CHECK(code_of(std::move(all)) == maus::errc::maybe_executed);
}

TEST_CASE("when_any ends as the first does that is ready") {
    std::vector<pending_call<int>> calls(3);
    auto any = maus::when_any(futures_of(calls));
    CHECK_FALSE(any.ready());
    calls[2].comes(3);
    calls[0].fails(maus::errc::poisoned);
    calls[1].comes(2);
    const auto first = any.get();
    CHECK(first.index == 2);
    CHECK(first.value == 3);

    std::vector<pending_call<int>> fail(2);
    auto failed = maus::when_any(futures_of(fail));
    fail[0].fails(maus::errc::cancelled);
    fail[1].comes(1);
    CHECK(code_of(std::move(failed)) == maus::errc::cancelled);
    CHECK(code_from([] { (void)maus::when_any(std::vector<maus::future<int>>{}); }) ==
          maus::errc::invalid_argument);
}

TEST_CASE("as_completed gives what is ready, and waits for the rest") {
    std::vector<pending_call<int>> calls(3);
    maus::as_completed all(futures_of(calls));
    calls[1].comes(20);
    calls[2].fails(maus::errc::poisoned);
    std::thread late;
    std::vector<std::size_t> order;
    int sum = 0, failures = 0;
    for (auto& [index, result] : all) {
        order.push_back(index);
        REQUIRE(result.ready());
        try {
            sum += result.get();
        } catch (const maus::error&) {
            ++failures;
        }
        if (order.size() == 2) late = std::thread([&] { calls[0].comes(1); });
    }
    late.join();
    CHECK(order == std::vector<std::size_t>{1, 2, 0});
    CHECK(sum == 21);
    CHECK(failures == 1);
    for (auto& each : maus::as_completed(std::vector<maus::future<int>>{})) FAIL(each.index);
}

TEST_CASE("what is left of as_completed may go before its futures are ready") {
    std::vector<pending_call<int>> calls(2);
    {
        maus::as_completed all(futures_of(calls));
        calls[0].comes(1);
        CHECK(all.begin() != all.end());
    }
    calls[1].comes(2);
}

// --- to cancel what was made of calls -------------------------------------------------------------

namespace {

/// Owns calls, and ends those that are cancelled.
struct cancelling_owner final : maus::detail::call_owner {
    int asked = 0;
    void cancel(maus::detail::state_base& call) override {
        ++asked;
        call.settle(std::make_exception_ptr(maus::error(maus::errc::cancelled, "cancelled")),
                    nullptr);
        call.release();
    }
    void attend(maus::detail::state_base&, maus::base::instant) override {}
    void unheard(std::uint32_t, const std::exception_ptr&) override {}
    std::string name_of(std::uint32_t) override { return "f"; }
    void post_progress(maus::detail::state_base&) override {}
};
struct owned_calls {
    std::shared_ptr<cancelling_owner> owner = std::make_shared<cancelling_owner>();
    [[nodiscard]] maus::future<int> call() const {
        maus::detail::state_ref<maus::detail::state<int>> made(new maus::detail::state<int>);
        made->own(owner);
        return maus::future<int>(std::move(made));
    }
};

}  // namespace

TEST_CASE("to cancel what then() gave is to cancel the call before") {
    const owned_calls calls;
    int called = 0;
    auto last = calls.call().then([&](int) { ++called; }).then([&] { return ++called; });
    last.cancel();
    last.cancel();
    CHECK(code_of(std::move(last)) == maus::errc::cancelled);
    CHECK(calls.owner->asked == 1);
    CHECK(called == 0);
}

TEST_CASE("to cancel what then() gave is to cancel also what its callback calls") {
    const owned_calls calls;
    pending_call<int> first, early;
    auto last = std::move(first.future).then([&](int) { return calls.call(); });
    first.comes(1);
    last.cancel();
    CHECK(code_of(std::move(last)) == maus::errc::cancelled);
    CHECK(calls.owner->asked == 1);
    // A cancel that comes before.
    auto later = std::move(early.future).then([&](int) {
        return calls.call().then([](int x) { return x; });
    });
    later.cancel();
    CHECK_FALSE(later.ready());
    early.comes(1);
    CHECK(code_of(std::move(later)) == maus::errc::cancelled);
    CHECK(calls.owner->asked == 2);
}

TEST_CASE("to cancel what when_all() and when_any() gave is to cancel all of the calls") {
    const owned_calls calls;
    const auto three = [&] {
        std::vector<maus::future<int>> all;
        for (int i = 0; i < 3; ++i) all.push_back(calls.call());
        return all;
    };
    auto all = maus::when_all(three());
    all.cancel();
    CHECK(code_of(std::move(all)) == maus::errc::cancelled);
    CHECK(calls.owner->asked == 3);
    auto any = maus::when_any(three());
    any.cancel();
    CHECK(code_of(std::move(any)) == maus::errc::cancelled);
    CHECK(calls.owner->asked == 6);
    using both = std::tuple<std::vector<int>, int>;
    auto nested = maus::when_all(maus::when_all(three()), calls.call()).then([](const both&) {});
    nested.cancel();
    CHECK(code_of(std::move(nested)) == maus::errc::cancelled);
    CHECK(calls.owner->asked == 10);
}

TEST_CASE("a long chain is cancelled without a deep stack, and so is one that goes on") {
    const owned_calls calls;
    auto last = calls.call();
    for (int i = 0; i < 100'000; ++i) last = std::move(last).then([](int x) { return x + 1; });
    last.cancel();
    CHECK(code_of(std::move(last)) == maus::errc::cancelled);
    CHECK(calls.owner->asked == 1);
    // Each of several.
    auto sum = calls.call();
    for (int i = 0; i < 100'000; ++i) {
        std::vector<maus::future<int>> both;
        both.push_back(std::move(sum));
        sum = maus::when_all(std::move(both)).then([](const std::vector<int>& all) {
            return all[0];
        });
    }
    sum.cancel();
    CHECK(code_of(std::move(sum)) == maus::errc::cancelled);
    CHECK(calls.owner->asked == 2);
}
