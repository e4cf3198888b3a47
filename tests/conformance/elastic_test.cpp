// Section 5.7, elastic requests: fake managers and workers against a live parkserver, and what a real
// manager says to fake ones.
#include "catch.hpp"

#include <set>

#include "maus/status.hpp"
#include "real.hpp"

using namespace spec;

namespace {

const std::vector<std::string> knows_elastic = {"elastic"};

struct elastic_manager : fake_manager {
    explicit elastic_manager(const std::string& parkserver, bool knows = true) {
        if (knows) self.features = knows_elastic;
        enroll(parkserver);
    }
    request ask(const elastic_range& range, u32 amount = 0, const id& token = fresh_id()) {
        request wanted;
        wanted.amount = amount;
        wanted.token = token;
        ask_as(wanted, extension(tag_elastic, encoded(range)));
        return wanted;
    }
    void ask_as(const request& wanted, const bytes& extensions) {
        frames message = control(wanted);
        message[0] += extensions;
        park->send(message);
        park->sync();
    }
};

lease elastic_accept(fake_worker& worker) {
    const auto offer = worker.park->hear<assign>();
    worker.park->say(accepted{offer.lease});
    return offer.lease;
}

/// Workers that take the first offers they get.
struct elastic_crew {
    std::vector<std::unique_ptr<fake_worker>> all;
    elastic_crew(const std::string& parkserver, int count) {
        for (int i = 0; i < count; ++i) all.push_back(std::make_unique<fake_worker>(parkserver));
    }
    std::vector<lease> accept() {
        std::vector<lease> made;
        for (auto& each : all) made.push_back(elastic_accept(*each));
        return made;
    }
};

/// A real manager with an elastic request, and the parkservers that it registers with.
struct elastic_boss {
    std::vector<std::unique_ptr<router>> parks;
    maus::manager manager{manager_options()};
    maus::worker_group workers;
    std::vector<channel*> sessions;
    std::vector<request> asked;
    std::vector<bytes> behind;  // the extensions of what was asked

    explicit elastic_boss(maus::request wanted, std::vector<bool> know = {true}) {
        for (std::size_t i = 0; i < know.size(); ++i) {
            parks.push_back(std::make_unique<router>());
            manager.connect_parkserver(parks.back()->endpoint());
        }
        workers = manager.get_workers(wanted);
        for (std::size_t i = 0; i < know.size(); ++i) {
            sessions.push_back(&parks[i]->accept());
            (void)sessions[i]->hear<register_manager>();
            registered yes;
            if (know[i]) yes.features = knows_elastic;
            sessions[i]->say(yes);
            next_request(i);
        }
    }
    /// The next one that it says there; its extensions are the last of `behind`.
    void next_request(std::size_t at) {
        for (;;) {
            const frames got = sessions[at]->next();
            if (!got[0].starts_with(header(on_control, request::type_number))) continue;
            reader from(got[0].substr(8));
            request wanted;
            from(wanted);
            asked.push_back(wanted);
            behind.push_back(got[0].substr(got[0].size() - from.left()));
            return;
        }
    }
    [[nodiscard]] bool said_range(const elastic_range& range) const {
        return behind.back() == extension(tag_elastic, encoded(range));
    }
    void comes(fake_worker& worker, u64 number) {
        worker.greet({{5, number}, asked[0].token, {}, {manager.endpoint()}});
        (void)worker.welcomed();
    }
    /// Until the manager has read what was said there; true if no message of this type came.
    bool never(std::size_t at, u8 type) {
        sessions[at]->send({header(on_control, answered_type)});
        return sessions[at]->hears_first(unimplemented::type_number, type);
    }
    [[nodiscard]] bool comes_to_have(std::size_t count) const {
        return eventually([&] { return workers.size() == count; });
    }
};

u8 last_word(fake_worker& worker) {
    return decoded<parting>(worker.link->next(r_manager_goodbye).body).error;
}

}  // namespace

TEST_CASE("P-99: an elastic request is told to who knows it, an older parkserver gets an amount") {
    elastic_boss all({}, {true, false});
    CHECK(all.asked[0].amount == 0);
    CHECK(all.behind[0] == extension(tag_elastic, encoded(elastic_range{1, 0})));
    CHECK(all.asked[1].amount == 0);
    CHECK(all.behind[1].empty());
    const elastic_boss ranged({.min = 2, .max = 8});
    CHECK(ranged.asked[0].amount == 2);
    CHECK(ranged.said_range({2, 8}));
    const elastic_boss exact({.amount = 2});
    CHECK(exact.asked[0].amount == 2);
    CHECK(exact.behind[0].empty());
}

TEST_CASE("P-99: a range that cannot be is rejected, and has no effect") {
    const real_park park;
    elastic_manager manager(park.endpoint());
    request wanted;
    for (const bytes& wrong :
         {encoded(elastic_range{0, 0}), encoded(elastic_range{3, 2}), bytes(7, '\1')}) {
        frames message = control(wanted);
        message[0] += extension(tag_elastic, wrong);
        manager.park->send(message);
        CHECK(manager.park->hear_next<rejected>().error == 15);
    }
    CHECK(park.ask().requests.empty());
    // What follows min and max is for later.
    manager.ask_as(wanted, extension(tag_elastic, encoded(elastic_range{1, 0}) + "later"));
    CHECK(park.ask().requests.size() == 1);
}

TEST_CASE("P-99: without the feature a request is exact, whatever it carries") {
    const real_park park;
    elastic_manager manager(park.endpoint(), false);
    elastic_crew crew(park.endpoint(), 2);
    manager.ask({1, 0}, 1);
    (void)elastic_accept(*crew.all[0]);
    CHECK(crew.all[1]->park->never(assign::type_number));
}

TEST_CASE("P-99: a request that is said again without a range is exact") {
    const real_park park;
    elastic_manager manager(park.endpoint());
    request asked = manager.ask({1, 0});
    fake_worker first(park.endpoint());
    (void)elastic_accept(first);
    asked.amount = 1;
    manager.park->say(asked);
    manager.park->sync();
    fake_worker second(park.endpoint());
    CHECK(second.park->never(assign::type_number));
}

TEST_CASE("P-100: an elastic request is served when its min are free, all at once") {
    const real_park park;
    elastic_manager manager(park.endpoint());
    manager.ask({2, 0});
    fake_worker first(park.endpoint());
    CHECK(first.park->never(assign::type_number));
    fake_worker second(park.endpoint());
    (void)elastic_accept(first);
    (void)elastic_accept(second);
    fake_worker third(park.endpoint());  // and what comes later is taken, too
    (void)elastic_accept(third);
}

TEST_CASE("P-100: it takes no more than its max") {
    const real_park park;
    elastic_manager manager(park.endpoint());
    elastic_crew crew(park.endpoint(), 2);
    manager.ask({1, 2});
    (void)crew.accept();
    fake_worker third(park.endpoint());
    CHECK(third.park->never(assign::type_number));
}

TEST_CASE("P-101: two elastic requests have fair shares, and workers do not move between them") {
    const real_park park;
    elastic_manager one(park.endpoint());
    elastic_crew crew(park.endpoint(), 5);
    one.ask({1, 0});
    auto leases = crew.accept();
    elastic_manager other(park.endpoint());
    other.ask({1, 0});
    CHECK(one.park->hear<fair_share>().workers == 4);
    crew.all[4]->park->say(available{leases[4]});
    (void)elastic_accept(*crew.all[4]);
    CHECK(one.park->hear<fair_share>().workers == 3);
    crew.all[3]->park->say(available{leases[3]});
    (void)elastic_accept(*crew.all[3]);
    // Three and two: nobody is asked for anything.
    other.park->sync();
    CHECK(one.park->never(fair_share::type_number));
    CHECK(other.park->never(fair_share::type_number));
}

TEST_CASE("P-101: what would not be enough for a request that waits is taken from nobody") {
    const real_park park;
    elastic_manager one(park.endpoint());
    elastic_crew crew(park.endpoint(), 2);
    one.ask({1, 0});
    (void)crew.accept();
    fake_manager other(park.endpoint());
    other.ask_for(2);
    CHECK(one.park->never(fair_share::type_number));
    other.park->say(cancel{});
    other.ask_for(1, "default", 2);
    CHECK(one.park->hear<fair_share>().workers == 1);
}

TEST_CASE("P-102: a bound is taken back when the share has grown") {
    const real_park park;
    elastic_manager one(park.endpoint());
    elastic_crew crew(park.endpoint(), 2);
    one.ask({1, 0});
    auto leases = crew.accept();
    fake_manager other(park.endpoint());
    const request asked = other.ask_for(1);
    CHECK(one.park->hear<fair_share>().workers == 1);
    crew.all[1]->park->say(available{leases[1]});
    const lease given = elastic_accept(*crew.all[1]);
    other.park->say(cancel{asked.number});
    other.park->sync();
    crew.all[1]->park->say(available{given});
    CHECK(one.park->hear<fair_share>().workers == 0);
    (void)elastic_accept(*crew.all[1]);
}

TEST_CASE("P-102: a real manager gives back what it has beyond the least bound, until it is void") {
    elastic_boss all({.min = 1}, {true, true});
    std::vector<std::unique_ptr<fake_worker>> come;
    for (u64 i = 0; i < 4; ++i) {
        all.comes(*come.emplace_back(std::make_unique<fake_worker>()), i + 1);
    }
    all.sessions[0]->say(fair_share{all.asked[0].number, 3});
    CHECK(last_word(*come[3]) == 6);
    all.sessions[1]->say(fair_share{all.asked[0].number, 2});
    CHECK(last_word(*come[2]) == 6);
    all.sessions[1]->say(fair_share{all.asked[0].number, 0});
    all.sessions[0]->say(fair_share{99, 1});  // of no request
    all.sessions[0]->say(fair_share{all.asked[0].number, 0});
    fake_worker again;
    all.comes(again, 9);
    CHECK(all.comes_to_have(3));
}

TEST_CASE("P-103: a worker is given back between calls, and idle ones go first") {
    elastic_boss all({.min = 1});
    fake_worker busy, idle;
    all.comes(busy, 1);
    auto sum = all.workers.call<int>("add", 20, 22);
    const record call = busy.next_call();
    all.comes(idle, 2);
    REQUIRE(all.comes_to_have(2));
    all.sessions[0]->say(fair_share{all.asked[0].number, 1});
    CHECK(last_word(idle) == 6);
    CHECK(all.never(0, worker_lost::type_number));
    busy.answer(call, payload(42));
    CHECK(sum.get() == 42);
}

TEST_CASE("P-103: a worker that is chosen answers what it has, and gets nothing more") {
    elastic_boss all({.min = 1});
    fake_worker first, second;
    all.comes(first, 1);
    all.comes(second, 2);
    REQUIRE(all.comes_to_have(2));
    auto one = all.workers.call<int>("add", 1, 1), two = all.workers.call<int>("add", 2, 2);
    const record held = first.next_call(), other = second.next_call();
    all.sessions[0]->say(fair_share{all.asked[0].number, 1});
    CHECK(all.never(0, worker_lost::type_number));
    auto three = all.workers.call<int>("add", 3, 3);
    second.answer(other, payload(4));
    CHECK(last_word(second) == 6);
    first.answer(held, payload(2));
    first.answer(first.next_call(), payload(6));
    const std::multiset<int> sums{one.get(), two.get(), three.get()};
    CHECK(sums == std::multiset<int>{2, 4, 6});
}

TEST_CASE("P-103: never below min, nor who came directly") {
    elastic_boss all({.min = 2});
    fake_worker one, two, direct;
    all.comes(one, 1);
    all.comes(two, 2);
    direct.connect(all.manager.endpoint());
    (void)direct.welcomed();
    REQUIRE(all.comes_to_have(3));
    all.sessions[0]->say(fair_share{all.asked[0].number, 1});
    CHECK(last_word(two) == 6);
    CHECK(one.link->never(r_manager_goodbye));
    CHECK(direct.link->never(r_manager_goodbye));
    CHECK(all.workers.size() == 2);
}

TEST_CASE("P-104: each parkserver is told as max what the others allow") {
    elastic_boss all({.min = 1, .max = 8}, {true, true});
    fake_worker one, two;
    all.comes(one, 1);
    all.comes(two, 2);
    REQUIRE(all.comes_to_have(2));
    all.sessions[0]->say(fair_share{all.asked[0].number, 1});
    // Perhaps after others that tell whom it holds.
    do all.next_request(1);
    while (!all.said_range({1, 1}));
    all.sessions[0]->say(fair_share{all.asked[0].number, 0});
    do all.next_request(1);
    while (!all.said_range({1, 8}));
    // Its own bound is told to nobody.
    do all.next_request(0);
    while (all.asked.back().held.size() != 1);
    CHECK(all.said_range({1, 8}));
}

TEST_CASE("P-104: a parkserver takes its bound back when the request has no more than its max") {
    const real_park park;
    elastic_manager one(park.endpoint());
    elastic_crew crew(park.endpoint(), 3);
    const request asked = one.ask({1, 0});
    auto leases = crew.accept();
    fake_manager other(park.endpoint());
    other.ask_for(1);
    CHECK(one.park->hear<fair_share>().workers == 2);
    one.ask({1, 2}, 0, asked.token);  // another parkserver says the same
    crew.all[2]->park->say(available{leases[2]});
    CHECK(one.park->hear<fair_share>().workers == 0);
}

TEST_CASE("P-118: a request's label is told in pages, and is only a name") {
    const real_park park;
    fake_manager manager(park.endpoint());
    const auto ask = [&](u64 number, const std::string& label) {
        request wanted;
        wanted.number = number;
        wanted.token = fresh_id();
        wanted.type = "none";
        wanted.amount = 1;
        manager.park->send({control(wanted).front() + extension(tag_label, label)});
    };
    ask(1, "nightly");
    ask(2, "two\nlines");  // no name
    ask(3, std::string(129, 'x'));
    manager.park->say(ping{1});
    CHECK(manager.park->hear_next<pong>().stamp == 1);  // nothing was rejected
    dealer asking(park.endpoint());
    asking.send({header(on_control, status_query::type_number) + extension(tag_page, {})});
    const frames answer = asking.next();
    reader from(answer[0].substr(8));
    status told;
    from(told);
    CHECK(told.requests.size() == 3);
    const std::vector<labelled_row> rows{{manager.self.manager, 1, "nightly"}};
    CHECK(answer[0].substr(answer[0].size() - from.left()) == extension(tag_label, encoded(rows)));
    const auto seen = maus::fetch_status(park.endpoint(), 1min);
    CHECK(std::count_if(seen.requests.begin(), seen.requests.end(),
                        [](const auto& each) { return each.label == "nightly"; }) == 1);
}

TEST_CASE("P-105: a status in pages tells ranges and shares of elastic requests") {
    const real_park park;
    elastic_manager manager(park.endpoint());
    elastic_crew crew(park.endpoint(), 2);
    manager.ask({1, 8});
    (void)crew.accept();
    fake_manager other(park.endpoint());
    other.ask_for(9);
    dealer asking(park.endpoint());
    asking.send({header(on_control, status_query::type_number) + extension(tag_page, {})});
    const frames answer = asking.next();
    reader from(answer[0].substr(8));
    status told;
    from(told);
    CHECK(told.requests.size() == 2);
    const std::vector<elastic_row> rows{{manager.self.manager, 1, {1, 8}, 2}};
    CHECK(answer[0].substr(answer[0].size() - from.left()) ==
          extension(tag_elastic, encoded(rows)));
    asking.say(status_query{});  // and one that is not in pages is as it was
    CHECK(asking.hear_next<status>().requests.size() == 2);
}
