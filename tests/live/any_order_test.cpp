// Start, stop and destruction in any order, at any moment: a world of parkservers, managers and
// workers in which a seeded die decides what happens next. Every call that is made must settle, and
// nothing may leak or hang.
//
// The seed is printed first; MAUS_TEST_SEED=n plays the same one again (as far as threads allow).
#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <iostream>
#include <random>
#include <thread>

#include "live/site.hpp"

using namespace live;

namespace {

const maus::heartbeat_options beat{50ms, 40};

class world {
public:
    explicit world(unsigned seed) : die_(seed) {
        for (int i = 0; i < 2; ++i) {
            places_.push_back("ipc://" + folder_.file("place" + std::to_string(i)));
        }
        places_.push_back("tcp://127.0.0.1:" + std::to_string(maus_test::free_port()));
    }
    ~world() {
        for (auto& each : workers_) each->end();
    }

    void step() {
        switch (up_to(19)) {
            case 0: new_park(); break;
            case 1: drop(parks_); break;
            case 2: with(parks_, [](auto& each) { each.stop(); }); break;
            case 3:
            case 4: new_manager(); break;
            case 5: drop(managers_); break;
            case 6: with(managers_, [](auto& each) { each.stop(); }); break;
            case 7:
            case 8: new_worker(); break;
            case 9: with(workers_, [](auto& each) { each.worker.stop(); }); break;
            case 10:
                if (up_to(3) == 0) drop_worker();
                break;
            case 11:
            case 12:
                with(managers_, [this](auto& each) {
                    groups_.push_back(each.get_workers(
                        {.amount = static_cast<unsigned>(up_to(3)), .calls = options()}));
                });
                break;
            case 13: drop_group(); break;
            case 14:
                if (!futures_.empty()) futures_[up_to(futures_.size())].call.cancel();
                break;
            case 15: look_at_some(); break;
            default: make_calls(); break;
        }
        // Time passes, or else all would be over before anybody has met anybody.
        ::poll(nullptr, 0, static_cast<int>(up_to(15)));
    }

    /// Amid all that is there: who comes now is served. (How many calls before it gave a value depends
    /// on the machine.)
    void see_newcomers_served() {
        const std::string place = "ipc://" + folder_.file("place-of-newcomers");
        maus::parkserver park{{.bind = {place}, .log = log_as("p")}};
        park.start();
        a_worker newcomer;
        newcomer.worker.register_parkserver(place);
        newcomer.worker.start();
        maus::manager manager{{.heartbeat = beat, .log = log_as("m")}};
        manager.connect_parkserver(place);
        auto workers = manager.get_workers({.amount = 1});
        CHECK(value_of(workers.call(zoo::add, 1, 2)) == 3);
        ++values_;
    }
    /// Everything goes, in any order; then every call has settled.
    void end() {
        while (!parks_.empty() || !managers_.empty() || !workers_.empty() || !groups_.empty()) {
            switch (up_to(4)) {
                case 0: drop(parks_); break;
                case 1: drop(managers_); break;
                case 2: drop_worker(); break;
                default: drop_group(); break;
            }
        }
        for (auto& each : futures_) {
            REQUIRE(each.call.wait_for(patience));
            check(each);
        }
        futures_.clear();
    }
    [[nodiscard]] std::size_t values() const { return values_; }
    [[nodiscard]] std::size_t errors() const { return errors_; }

private:
    struct made_call {
        maus::future<int> call;
        int expected;
    };
    /// In a thread of its own, or in somebody's loop.
    struct a_worker {
        explicit a_worker() : worker({.concurrency = 2, .heartbeat = beat, .log = log_as("w")}) {
            worker.expose(zoo::add, [](int x, int y) { return x + y; });
            worker.expose(zoo::slow, [](int x, int ms) {
                ::poll(nullptr, 0, ms);
                return x;
            });
            worker.expose("keep", [this](maus::responder<int> answer, int x) {
                const std::lock_guard lock(guard);
                kept.emplace_back(std::move(answer), x);
                if (kept.size() < 5) return;
                for (auto& [each, value] : kept) each(value);
                kept.clear();
            });
        }
        ~a_worker() { end(); }
        void end() {
            worker.stop();
            if (loop.joinable()) loop.join();
        }
        void host() {
            loop = std::thread([this] {
                pollfd ready{worker.fd(), POLLIN, 0};
                while (worker.process_events()) ::poll(&ready, 1, -1);
            });
        }
        std::mutex guard;
        std::vector<std::pair<maus::responder<int>, int>> kept;
        maus::worker worker;
        std::thread loop;
    };

    std::size_t up_to(std::size_t bound) {
        return std::uniform_int_distribution<std::size_t>{0, bound - 1}(die_);
    }
    const std::string& place() { return places_[up_to(places_.size())]; }
    template <class T, class What>
    void with(std::vector<std::unique_ptr<T>>& all, What what) {
        if (!all.empty()) what(*all[up_to(all.size())]);
    }
    template <class T>
    void drop(std::vector<std::unique_ptr<T>>& all) {
        if (!all.empty()) all.erase(all.begin() + static_cast<std::ptrdiff_t>(up_to(all.size())));
    }
    void drop_worker() { drop(workers_); }
    void drop_group() {
        if (groups_.empty()) return;
        // Rather one that has no workers; most of those have no manager any more.
        auto* chosen = &groups_[up_to(groups_.size())];
        for (auto& each : groups_) {
            if (each.size() == 0 && up_to(2) == 0) chosen = &each;
        }
        auto& which = *chosen;
        if (up_to(2) == 0) which.release();
        std::swap(which, groups_.back());
        groups_.pop_back();
    }

    void new_park() {
        if (parks_.size() >= 6) return;
        try {
            parks_.push_back(std::make_unique<maus::parkserver>(
                maus::parkserver_options{.bind = {place()}, .log = log_as("p")}));
        } catch (const maus::error& taken) {
            CHECK_THAT(taken.what(), maus_test::has_text("cannot bind"));
            return;
        }
        if (up_to(10) != 0) parks_.back()->start();
    }
    void new_manager() {
        if (managers_.size() >= 6) return;
        maus::manager_options options{.heartbeat = beat, .log = log_as("m")};
        const std::size_t kind = up_to(3);
        if (kind == 0) options.endpoint = "tcp://127.0.0.1:*";
        if (kind == 1) options.endpoint = "ipc://" + folder_.file("m" + std::to_string(++made_));
        if (up_to(2) == 0) options.on_event = [](const maus::event&) {};
        managers_.push_back(std::make_unique<maus::manager>(options));
        for (const auto& each : places_) {
            if (up_to(2) == 0) managers_.back()->connect_parkserver(each);
        }
    }
    void new_worker() {
        if (workers_.size() >= 10) return;
        workers_.push_back(std::make_unique<a_worker>());
        auto& made = *workers_.back();
        made.worker.register_parkserver(place());
        if (up_to(2) == 0) made.worker.register_parkserver(place());
        if (up_to(8) == 0 && !managers_.empty()) {
            const auto direct = managers_[up_to(managers_.size())]->endpoint();
            if (!direct.empty()) made.worker.connect(direct);
        }
        switch (up_to(8)) {
            case 0: break;  // never started
            case 1: made.worker.stop(); [[fallthrough]];
            case 2:
            case 3: made.host(); break;
            default: made.worker.start(); break;
        }
    }
    maus::call_options options() {
        maus::call_options chosen;
        if (up_to(4) == 0) chosen.delivery = maus::delivery::at_most_once;
        if (up_to(6) == 0) chosen.timeout = std::chrono::milliseconds{up_to(200)};
        if (up_to(8) == 0) chosen.attempt_timeout = std::chrono::milliseconds{1 + up_to(100)};
        return chosen;
    }
    void make_calls() {
        if (groups_.empty()) return;
        auto& on = groups_[up_to(groups_.size())];
        for (std::size_t i = up_to(40); i > 0; --i) {
            const int x = static_cast<int>(up_to(1000));
            switch (up_to(8)) {
                case 0: futures_.push_back({on.call(zoo::slow, x, 3), x}); break;
                case 1: futures_.push_back({on.call<int>("keep", x), x}); break;
                case 2:
                    futures_.push_back(
                        {on.call(zoo::add, x, 1).then([](int y) { return y + 1; }), x + 2});
                    break;
                case 3: (void)on.call(zoo::add, x, 1); break;
                default: futures_.push_back({on.call(zoo::add, x, x), 2 * x}); break;
            }
        }
    }
    void look_at_some() {
        for (std::size_t i = up_to(10); i > 0 && !futures_.empty(); --i) {
            auto& which = futures_[up_to(futures_.size())];
            // It may well wait for a worker that never comes.
            if (which.call.wait_for(20ms)) {
                check(which);
            } else if (up_to(2) == 0) {
                continue;
            }
            std::swap(which, futures_.back());  // settled, or dropped
            futures_.pop_back();
        }
    }
    void check(made_call& what) {
        try {
            const int value = what.call.get();
            CHECK(value == what.expected);
            ++values_;
        } catch (const maus::error& failed) {
            const std::set<maus::errc> possible{
                maus::errc::cancelled,         maus::errc::shutdown,
                maus::errc::maybe_executed,    maus::errc::poisoned,
                maus::errc::deadline_exceeded, maus::errc::attempt_timeout,
                maus::errc::remote_exception};
            INFO(failed.what());
            CHECK(possible.contains(failed.code()));
            ++errors_;
        }
    }

    std::mt19937 die_;
    maus_test::scratch_folder folder_;
    std::vector<std::string> places_;
    std::vector<std::unique_ptr<maus::parkserver>> parks_;
    std::vector<std::unique_ptr<maus::manager>> managers_;
    std::vector<std::unique_ptr<a_worker>> workers_;
    std::vector<maus::worker_group> groups_;
    std::vector<made_call> futures_;
    std::size_t values_ = 0, errors_ = 0;
    int made_ = 0;
};

unsigned seed_of_this_run() {
    const char* asked = std::getenv("MAUS_TEST_SEED");
    return asked != nullptr ? static_cast<unsigned>(std::stoul(asked)) : std::random_device{}();
}

}  // namespace

TEST_CASE("start, stop and destruction in any order, at any moment", "[embedding][any-order]") {
    const unsigned first = seed_of_this_run();
    std::size_t values = 0, errors = 0;
    for (unsigned seed = first; seed < first + 6; ++seed) {
        std::cout << "any order: MAUS_TEST_SEED=" << seed << std::endl;
        INFO("MAUS_TEST_SEED=" << seed);
        world all(seed);
        for (int i = 0; i < 300; ++i) all.step();
        all.see_newcomers_served();
        all.end();
        values += all.values();
        errors += all.errors();
    }
    std::cout << "any order: " << values << " values, " << errors << " named errors" << std::endl;
    CHECK(errors > 0);
}
