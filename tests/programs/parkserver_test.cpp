// maus-parkserver and `maus`: what they tell, as text and as JSON, and how they stop.
#include <signal.h>

#include <maus/maus.hpp>
#include <set>

#include "programs/program.hpp"

using namespace programs;
using nlohmann::json;

namespace {

std::set<std::string> keys_of(const json& object) {
    std::set<std::string> found;
    for (const auto& [key, value] : object.items()) found.insert(key);
    return found;
}

std::size_t lines_in(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// What the parkserver says once it says what is waited for.
json status_when(const parkserver& park, const std::function<bool(const json&)>& is_so) {
    json now;
    REQUIRE(eventually([&] {
        now = run_json("maus", park.asked({"status", "--json"}));
        return is_so(now);
    }));
    return now;
}

}  // namespace

TEST_CASE("a parkserver says one line when it is ready, and nothing else if nobody wants to know") {
    parkserver park({"--bind", "tcp://127.0.0.1:*", "--log-level", "warning"});
    program worker("maus-demo", {"word-worker", "-p", park.endpoint()});
    (void)status_when(park, [](const json& now) { return now["workers"].size() == 1; });
    worker.signal(SIGTERM);
    CHECK(worker.wait() == good);
    CHECK(worker.out() + worker.err() == "");
    park.itself().signal(SIGTERM);
    CHECK(park.itself().wait() == good);
    CHECK(lines_in(park.itself().out()) == 1);
    CHECK(park.itself().err() == "");
}

TEST_CASE("a parkserver tells of who joins and leaves, and of leases, in a line each") {
    parkserver park;
    program worker("maus-demo", {"worker", "-p", park.endpoint()});
    REQUIRE(worker.says("registered with parkserver"));
    const std::string pid = ", pid " + std::to_string(worker.pid()) + " on ";
    CHECK(park.itself().says(" joined: type default" + pid));
    const outcome manager = run("maus-demo", {"manager", "-p", park.endpoint()});
    CHECK(manager.code == good);
    CHECK(park.itself().says(" left: goodbye: the manager stops"));
    worker.signal(SIGKILL);
    CHECK(park.itself().says(" left: its connection closed"));
    park.itself().signal(SIGTERM);
    CHECK(park.itself().wait() == good);
    const std::string told = park.itself().err();
    INFO(told);
    CHECK(lines_in(told) == 6);  // two joined, a lease, two left, stopping
    CHECK_THAT(told, maus_test::has_text(" serves manager "));
    CHECK(told.ends_with(" stopping\n"));
}

TEST_CASE("a parkserver is reached at each of its addresses") {
    const maus_test::scratch_folder folder;
    const std::string place = "ipc://" + folder.file("park");
    const parkserver park({"--bind", "tcp://127.0.0.1:*", "--bind", place});
    for (const auto& each : {park.endpoint(), place}) {
        CHECK(run_json("maus",
                       {"status", "--json", "-p", each, "--timeout", "30000"})["endpoint"] == each);
    }
    CHECK(run("maus-parkserver", {"--bind", place}).code == failed);  // nobody takes it from us
    CHECK(run("maus", {"status", "-p", place, "--timeout", "30000"}).code == good);
}

TEST_CASE("every signal that asks to stop stops a parkserver, and its peers hear of it") {
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        parkserver park;
        program worker("maus-demo", {"worker", "-p", park.endpoint()});
        REQUIRE(worker.says("registered with parkserver"));
        park.itself().signal(number);
        CHECK(park.itself().wait() == good);
        CHECK(worker.says("parkserver " + park.endpoint() + " is lost"));
        worker.signal(number);
        CHECK(worker.wait() == good);
    }
}

TEST_CASE("status and functions have the keys that the README names") {
    const parkserver park;
    program leased("maus-demo", {"worker", "-p", park.endpoint()});
    program idle("maus-demo", {"worker", "-p", park.endpoint(), "--type", "spare"});
    maus::manager manager("tcp://127.0.0.1:*");
    manager.connect_parkserver(park.endpoint());
    const auto has = manager.get_workers({.amount = 1});
    const auto waits =
        manager.get_workers({.amount = 2, .type = "nobody", .calls = {.label = "nightly"}});
    const json now = status_when(park, [](const json& each) {
        return each["workers"].size() == 2 && each["leases"].size() == 1 &&
               each["leases"][0]["state"] == "leased" && each["requests"].size() == 2;
    });
    INFO(now.dump(2));
    CHECK(keys_of(now) == std::set<std::string>{"parkserver", "endpoint", "version", "epoch",
                                                "uptime_ms", "workers", "managers", "requests",
                                                "leases"});
    for (const auto& worker : now["workers"]) {
        CHECK(keys_of(worker) == std::set<std::string>{"id", "incarnation", "type", "functions",
                                                       "concurrency", "state", "manager", "lease",
                                                       "age_ms", "host", "pid"});
        const bool works = worker["type"] == "default";
        CHECK(worker["pid"] == (works ? leased : idle).pid());
        CHECK(worker["state"] == (works ? "leased" : "available"));
        CHECK(worker["manager"].is_null() == !works);
        CHECK(worker["functions"].size() == 6);
    }
    REQUIRE(now["managers"].size() == 1);
    CHECK(keys_of(now["managers"][0]) ==
          std::set<std::string>{"id", "endpoints", "age_ms", "host", "pid"});
    CHECK(now["managers"][0]["endpoints"] == json::array({manager.endpoint()}));
    for (const auto& request : now["requests"]) {
        CHECK(keys_of(request) == std::set<std::string>{"manager", "request", "type", "label",
                                                        "amount", "serving", "waiting", "age_ms",
                                                        "min", "max", "share", "why"});
        CHECK(request["waiting"] == (request["type"] == "nobody"));
        CHECK(request["why"].is_null() == !request["waiting"]);
        CHECK(request["label"] == (request["waiting"] ? json("nightly") : json()));
    }
    CHECK(keys_of(now["leases"][0]) ==
          std::set<std::string>{"lease", "worker", "manager", "state"});
    CHECK(now["leases"][0]["manager"] == now["managers"][0]["id"]);

    const json functions = run_json("maus", park.asked({"functions", "--json"}));
    REQUIRE(functions.size() == 6);
    CHECK(functions[0] == json{{"name", "add"},
                               {"signature", "add(i32,i32)->i32"},
                               {"workers_by_type", {{"default", 1}, {"spare", 1}}}});
    const json of_none = run_json("maus", park.asked({"functions", "--json", "--type", "none"}));
    CHECK(of_none == json::array());
}

TEST_CASE("status and functions are tables for people") {
    const parkserver park;
    CHECK_THAT(run("maus", park.asked({"functions"})).out,
               maus_test::has_text("no functions: no worker is registered"));
    program worker("maus-demo", {"worker", "-p", park.endpoint()});
    REQUIRE(worker.says("registered with parkserver"));
    const outcome status = run("maus", park.asked({"status"}));
    INFO(status.out << status.err);
    CHECK(status.code == good);
    CHECK(status.err.empty());
    for (const auto& part :
         words{"workers (1)", "default", "available", ":" + std::to_string(worker.pid()),
               "managers: none", "waiting requests: none", "leases: none"}) {
        CHECK_THAT(status.out, maus_test::has_text(part));
    }
    CHECK_THAT(run("maus", park.asked({"functions"})).out,
               maus_test::has_text("add(i32,i32)->i32"));
}

TEST_CASE("a watch goes on while its parkserver is away, until a signal comes") {
    auto park = std::make_unique<parkserver>();
    program watch(
        "maus", {"status", "--json", "--watch", "0.1", "--timeout", "200", "-p", park->endpoint()});
    REQUIRE(eventually([&] { return lines_in(watch.out()) >= 2; }));
    const std::string line = watch.out().substr(0, watch.out().find('\n'));
    CHECK(json::parse(line)["endpoint"] == park->endpoint());
    park.reset();
    REQUIRE(watch.says("no parkserver answers"));
    CHECK(watch.alive());
    watch.signal(SIGINT);
    CHECK(watch.wait() == good);
}
