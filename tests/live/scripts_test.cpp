// Functions that are sent as source code, in real workers with their real process maus-js: what they can
// do, and what they cannot.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "catch.hpp"
#include "live/site.hpp"
#include "maus/maus.hpp"
#include "support/log_book.hpp"

using namespace live;

namespace {

using number_script = maus::function<int(int)>;
using value_script = maus::function<maus::value(maus::value)>;
constexpr maus::method<int(int, number_script)> run_number{"run_number"};
constexpr maus::method<maus::value(maus::value, value_script)> run_value{"run_value"};

maus::worker_options allowing(maus::script_limits limits = {}) {
    maus::worker_options options;
    options.allow_scripts = true;
    options.scripts = limits;
    options.heartbeat = calm;
    return options;
}

void expose_runners(maus::worker& worker) {
    worker.expose("run_number", [](int x, const number_script& f) { return f(x); });
    worker.expose("run_value", [](const maus::value& x, const value_script& f) { return f(x); });
    worker.expose("sum", [](int count, const number_script& f) -> maus::future<int> {
        std::vector<maus::future<int>> all;
        for (int i = 0; i < count; ++i) all.push_back(f.async(i));
        int sum = 0;
        for (auto& each : all) sum += co_await each;
        co_return sum;
    });
    worker.expose("both", [](int x, const number_script& f, const number_script& g) {
        return f(x) * 100 + g(x);
    });
    worker.expose("within", [](int ms, int x, const number_script& f) {
        return f.with(std::chrono::milliseconds{ms})(x);
    });
    worker.expose("pair",
                  [](const value_script& f, const value_script& g) -> maus::future<std::string> {
                      auto one = f.async(1), other = g.async(2);
                      const auto told = [](maus::future<maus::value>& of) -> std::string {
                          try {
                              return brief(of.get());
                          } catch (const maus::error& why) {
                              return why.what();
                          }
                      };
                      const std::string first = told(one);
                      co_return first + " / " + told(other);
                  });
}

/// One worker in direct mode, and a manager that has it.
struct script_site {
    explicit script_site(maus::worker_options options = allowing())
        : manager({.endpoint = "tcp://127.0.0.1:*", .heartbeat = calm}),
          worker(std::move(options)) {
        expose_runners(worker);
        worker.connect(manager.endpoint());
        worker.start();
        workers = manager.get_workers();
    }
    int number(const std::string& text, int x = 5) {
        return value_of(workers.call(run_number, x, maus::script(text)));
    }
    maus::value value(const std::string& text, const maus::value& x = nullptr) {
        return value_of(workers.call(run_value, x, maus::script(text)));
    }
    /// What its call fails with.
    std::string failure(const std::string& text) {
        return error_of(workers.call(run_value, 5, maus::script(text))).what();
    }
    maus::manager manager;
    maus::worker worker;
    maus::worker_group workers;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

/// The processes that this one has started and that are called so.
std::vector<pid_t> helpers() {
    std::vector<pid_t> found;
    for (const auto& each : std::filesystem::directory_iterator("/proc")) {
        std::ifstream status(each.path() / "status");
        std::string name, word;
        pid_t parent = 0;
        for (; status >> word;) {
            if (word == "Name:") status >> name;
            if (word == "PPid:") {
                status >> parent;
                break;
            }
        }
        if (name == "maus-js" && parent == ::getpid()) {
            found.push_back(std::stoi(each.path().filename()));
        }
    }
    return found;
}

std::string status_of_process(pid_t which, const std::string& field) {
    std::ifstream status("/proc/" + std::to_string(which) + "/status");
    for (std::string word; status >> word;) {
        if (word == field + ":" && status >> word) return word;
    }
    return {};
}

}  // namespace

// --- what they can do ----------------------------------------------------------------------------

TEST_CASE("scripts call themselves by __this and by their own name, as they are written") {
    script_site all;
    CHECK(all.number("x => x > 1 ? __this(x - 1) + __this(x - 2) : x", 20) == 6765);
    CHECK(all.number("function fib(n) { return n > 1 ? fib(n - 1) + fib(n - 2) : n }", 20) == 6765);
    CHECK(all.number("(x) => { return x + 1; } // that was it") == 6);
    CHECK(all.number("async x => (await Promise.all([x, 1])).reduce((a, b) => a + b)") == 6);
    CHECK(all.number("(() => { const c = 7; return x => x + c })()") == 12);
    CHECK(value_of(all.workers.call<int>("both", 5, number_script(maus::script("x => x + 1")),
                                         number_script(maus::script("x => x + 2")))) == 607);
    CHECK(value_of(all.workers.call<int>("sum", 1000, number_script(maus::script("x => 2 * x")))) ==
          999000);
}

TEST_CASE("values of all kinds travel to a script and back") {
    using maus::value;
    script_site all;
    const value every = value::object{
        {"null", nullptr},
        {"bool", true},
        {"integer", -5},
        {"large", (std::int64_t{1} << 62) + 1},
        {"larger", ~std::uint64_t{0}},
        {"smallest", std::numeric_limits<std::int64_t>::min()},
        {"float", 1.5},
        {"minus zero", -0.0},
        {"nan", std::numeric_limits<double>::quiet_NaN()},
        {"infinity", std::numeric_limits<double>::infinity()},
        {"string", std::string("z\0\xc3\xbc \xf0\x9f\x98\x80", 9)},
        {"bytes", value::bytes{0, 1, 255}},
        {"array", value::array{1, value::array{}, value::object{}}},
        {"time", value(value::timestamp{-1, 999'000'000})},
        {"regexp", value(value::regexp{"^a[/]", "gi"})},
        {"error", value(value::error{"RangeError", "no"})},
        {"__proto__", value::object{{"constructor", 7}}},
    };
    CHECK(all.value("x => x", every) == every);
    CHECK(
        all.value("x => Object.keys(x).map(key => typeof x[key]).join()", every) ==
        value(
            "object,boolean,number,bigint,bigint,bigint,number,number,number,number,string,object,"
            "object,object,object,object,object"));
    CHECK(all.value("() => undefined") == value(nullptr));
    CHECK(all.value("() => new Uint8Array([1, 2, 3]).subarray(1)") == value(value::bytes{2, 3}));
    CHECK(all.value("() => new Uint8Array([1, 2, 3]).buffer") == value(value::bytes{1, 2, 3}));
    CHECK(all.value("() => new Float64Array([1, 2.5])") == value(value::array{1, 2.5}));
    CHECK(all.value("() => '\\ud800'") == value("\xef\xbf\xbd"));
    CHECK(all.value("() => 2n ** 63n") == value(std::uint64_t{1} << 63));
    CHECK(all.value("() => 2 ** 53") == value(9007199254740992.0));
    // 1 MiB there and back.
    const value large = value::bytes(1u << 20, 7);
    CHECK(all.value("x => x", large) == large);
}

TEST_CASE("what a script throws is told by name and message, and what it gives has to fit") {
    script_site all;
    CHECK(has(all.failure("x => { throw new TypeError('no ' + x) }"),
              "remote_exception: TypeError: no 5"));
    CHECK(has(all.failure("x => { throw 'up' }"), "up"));
    CHECK(has(all.failure("async x => { await null; throw new RangeError('late') }"),
              "remote_exception: RangeError: late"));
    CHECK(has(all.failure("x => { throw { get message() { throw 1 } } }"), "remote_exception"));
    CHECK(has(all.failure("x => y"), "ReferenceError"));
    CHECK(has(all.failure("x => ("), "SyntaxError"));
    CHECK(has(all.failure("'no function'"), "TypeError"));
    CHECK(has(all.failure("x => new Map()"), "bad_result"));
    CHECK(has(all.failure("x => x => x"), "bad_result"));
    CHECK(has(all.failure("x => 2n ** 64n"), "bad_result"));
    CHECK(has(all.failure("x => new Date(NaN)"), "bad_result"));
    CHECK(has(all.failure("x => new Promise(() => {})"), "bad_result"));
    const auto wrong = error_of(all.workers.call(run_number, 5, maus::script("x => 'five'")));
    CHECK(has(wrong.what(), "bad_result"));
    CHECK(has(wrong.what(), "i32"));
}

TEST_CASE("scripts are off until the worker's owner allows them") {
    script_site all(maus::worker_options{});
    const auto refused = error_of(all.workers.call(run_number, 5, maus::script("x => x")));
    CHECK(refused.code() == maus::errc::unimplemented);
    CHECK(has(refused.what(), "runs scripts"));
    CHECK(has(refused.what(), "owner"));
}

TEST_CASE("a worker that is to run scripts and has no maus-js does not start") {
    maus::worker_options options = allowing();
    options.maus_js = "/nowhere/maus-js";
    maus::worker worker(options);
    expose_runners(worker);
    worker.connect("tcp://127.0.0.1:1");
    try {
        worker.start();
        FAIL("it runs");
    } catch (const maus::error& refused) {
        CHECK(refused.code() == maus::errc::invalid_argument);
        CHECK(has(refused.what(), "/nowhere/maus-js"));
    }
}

TEST_CASE("a maus-js that is none fails the call and leaves the worker well") {
    maus::worker_options options = allowing();
    options.maus_js = "/bin/true";
    script_site all(options);
    CHECK(has(all.failure("x => x"), "maus-js"));
    CHECK(has(all.failure("x => x"), "maus-js"));
    CHECK(value_of(all.workers.call(run_number, 5, maus::script("x => x")).then([](auto failed) {
              try {
                  failed.get();
                  return 0;
              } catch (const maus::error&) {
                  return 1;
              }
          })) == 1);
}

TEST_CASE("each lease has a fresh context, and within one it lasts") {
    script_site all;
    const std::string count = "() => globalThis.count = (globalThis.count || 0) + 1";
    CHECK(all.value(count) == maus::value(1));
    CHECK(all.value(count) == maus::value(2));
    const auto first = helpers();
    REQUIRE(first.size() == 1);
    all.workers.release();
    all.workers = all.manager.get_workers();
    CHECK(all.value(count) == maus::value(1));
    CHECK(eventually([&] { return helpers().size() == 1 && helpers() != first; }));
    all.worker.stop();
    CHECK(eventually([] { return helpers().empty(); }));
}

TEST_CASE("scripts run in a worker that its program drives itself") {
    maus::manager manager({.endpoint = "tcp://127.0.0.1:*", .heartbeat = calm});
    maus::worker worker(allowing());
    expose_runners(worker);
    worker.connect(manager.endpoint());
    std::jthread loop([&](std::stop_token stop) {
        while (!stop.stop_requested() && worker.process_events()) {
            std::this_thread::sleep_for(1ms);
        }
    });
    auto workers = manager.get_workers();
    CHECK(value_of(workers.call(run_number, 5, maus::script("x => x + 1"))) == 6);
    CHECK(value_of(workers.call<int>("sum", 10, number_script(maus::script("x => x")))) == 45);
}

// --- what they cannot do -------------------------------------------------------------------------

TEST_CASE("an endless script is ended when its time is up, and what waits behind it runs") {
    script_site all(allowing({.time = 300ms}));
    const std::string endless = GENERATE(
        as<std::string>{}, "() => { for (;;); }",
        "() => { while (true) try { for (;;); } finally { continue } }",
        "async () => { for (;;) await null }", "() => 'a'.repeat(1e5).match(/(.*)*(.*)*(.*)*b/)",
        "() => new Proxy([], { get: (t, key) => key === 'length' ? 4e9 : 1 })",
        "() => ({ get a() { for (;;); } })",
        "() => ({ toString: 1, get [Symbol.toStringTag]() { for (;;); },"
        " get b() { for (;;); } })",
        "() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)");
    INFO(endless);
    const auto told = value_of(all.workers.call<std::string>(
        "pair", value_script(maus::script(endless)), value_script(maus::script("x => x"))));
    INFO(told);
    CHECK(has(told, " / 2"));
    CHECK_FALSE(told.starts_with("1"));
    CHECK((has(told, "resource_exhausted") || has(told, "remote_exception") ||
           has(told, "bad_result")));
}

TEST_CASE("the text of a script that took too long says so") {
    script_site all(allowing({.time = 300ms}));
    const std::string why = all.failure("() => { for (;;); }");
    CHECK(has(why, "resource_exhausted"));
    CHECK(has(why, "script_limits.time, 300 ms"));
    CHECK(all.number("x => x + 1") == 6);
}

TEST_CASE("a script has no more time than its caller") {
    script_site all;
    const auto late = error_of(all.workers.call<int>(
        "within", 300, 5, number_script(maus::script("() => { for (;;); }"))));
    CHECK(has(late.what(), "deadline_exceeded"));
    CHECK(all.number("x => x + 1") == 6);
    const auto timed = all.workers.with({.timeout = 300ms});
    // Its worker may tell of it first.
    const auto over = error_of(timed.call(run_number, 5, maus::script("() => { for (;;); }")));
    CHECK(has(over.what(), "deadline_exceeded"));
    CHECK(all.number("x => x + 1") == 6);
}

TEST_CASE("a script that wants all memory fails alone") {
    script_site all(allowing({.time = 20s, .memory_bytes = 64u << 20}));
    const std::string bomb = GENERATE(
        as<std::string>{}, "() => { const all = []; for (;;) all.push(new Array(1e5).fill(1)) }",
        "() => { const all = []; for (;;) all.push({ ['k' + all.length]: all.length }) }",
        "() => { let all = 'x'; for (;;) all += all + Math.random() }",
        "() => { const all = []; for (;;) all.push(new Uint8Array(1e6).fill(1)) }",
        "() => { const all = []; for (;;) all.push(eval('(' + 'x => x'.repeat(1) + ' + ' + "
        "all.length + ')')) }",
        "() => new Array(1e9).fill(0).map(x => 'a'.repeat(1e6))",
        "() => { const all = new Map(); for (let i = 0;; ++i) all.set(i, [i]) }",
        "() => new WebAssembly.Memory({ initial: 65536 }).buffer", "() => new ArrayBuffer(2 ** 40)",
        "() => new Proxy([], { get: (t, key) => key === 'length' ? 4e9 : 'x' })");
    INFO(bomb);
    const std::string why = all.failure(bomb);
    INFO(why);
    CHECK((has(why, "memory") || has(why, "RangeError") || has(why, "bad_alloc")));
    CHECK(all.number("x => x + 1") == 6);
}

TEST_CASE("a script that goes too deep gets a RangeError") {
    script_site all;
    const std::string deep =
        GENERATE(as<std::string>{}, "x => __this(x) + 1",
                 "x => JSON.stringify((f => { let a = []; for (let i = 0; i < 1e5; ++i)"
                 " a = [a]; return a })())",
                 "x => [1, 2].sort(function again() { return [2, 1].sort(again)[0] })",
                 "x => { const a = { get b() { return this.b } }; return a.b }",
                 "x => new Proxy({}, { get(t, k, self) { return self[k] } }).x");
    CHECK(has(all.failure(deep), "RangeError"));
    CHECK(all.number("x => x + 1") == 6);
}

TEST_CASE("a value is what it looks like from outside, whatever it does when it is read") {
    using maus::value;
    script_site all;
    CHECK(all.value("() => ({ get a() { return 1 }, b: new Proxy({ c: 2 }, {}) })") ==
          value(value::object{{"a", 1}, {"b", value::object{{"c", 2}}}}));
    CHECK(all.value("() => new Proxy([1, 2], {})") == value(value::array{1, 2}));
    CHECK(
        has(all.failure("() => ({ get a() { throw new TypeError('mine') } })"), "TypeError: mine"));
    CHECK(has(all.failure("() => new Proxy({}, { ownKeys() { throw new TypeError('mine') } })"),
              "TypeError: mine"));
    CHECK(has(all.failure("() => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke();"
                          " return proxy }"),
              "TypeError"));
    CHECK(has(all.failure("() => { const a = []; a[0] = a; return a }"), "bad_result"));
    CHECK(has(
        all.failure("() => new Proxy({}, { getPrototypeOf() { throw new TypeError('mine') } })"),
        "TypeError: mine"));
    // It grows while it is read.
    CHECK(all.value("() => { const a = [1, { get x() { a.push(3); return 2 } }]; return a }") ==
          value(value::array{1, value::object{{"x", 2}}}));
}

TEST_CASE("what a script does to the prototypes touches neither the values nor the next lease") {
    using maus::value;
    script_site all;
    const std::string spoil =
        "() => { const all = globalThis, names = Object.getOwnPropertyNames(all);"
        "  Object.prototype.polluted = 1; Object.prototype.get = () => 2; Object.prototype.set = 3;"
        "  Object.defineProperty(Object.prototype, 'a', { set() { throw 'set' } });"
        "  Object.defineProperty(Array.prototype, 0, { set() { throw 'set' } });"
        "  Array.prototype[Symbol.iterator] = null; Object.keys = () => ['stolen'];"
        "  Object.defineProperty = null; Date.prototype.getTime = null; Promise.prototype.then = "
        "null;"
        "  String.prototype.toString = Date.prototype.valueOf = RegExp.prototype.toString = null;"
        "  Function.prototype.call = Function.prototype.apply = null; globalThis.Object = null;"
        "  for (let i = 0; i < names.length; ++i) delete all[names[i]];"
        "  return 0 }";
    const value every = value::object{{"a", 1},
                                      {"b", value::array{1, 2}},
                                      {"time", value(value::timestamp{5, 0})},
                                      {"regexp", value(value::regexp{"a", "g"})}};
    CHECK(all.value(spoil) == value(0));
    CHECK(all.value("x => x", every) == every);
    CHECK(all.value("x => ({ ...x })", every) == every);
    CHECK(all.value("async x => x", every) == every);
    CHECK(all.value("() => ({}).polluted") == value(1));
    CHECK(has(all.failure("x => { throw x }"), "5"));
    all.workers.release();
    all.workers = all.manager.get_workers();
    CHECK(all.value("() => [({}).polluted === undefined, typeof Object.keys]") ==
          value(value::array{true, "function"}));
}

TEST_CASE("a script reaches nothing but the language") {
    using maus::value;
    script_site all;
    const char* const wanted[] = {"require",
                                  "process",
                                  "module",
                                  "fetch",
                                  "XMLHttpRequest",
                                  "WebSocket",
                                  "Worker",
                                  "importScripts",
                                  "load",
                                  "read",
                                  "readFile",
                                  "print",
                                  "quit",
                                  "gc",
                                  "$vm",
                                  "$262",
                                  "std",
                                  "os",
                                  "Deno",
                                  "Bun",
                                  "imports",
                                  "ARGV",
                                  "setTimeout",
                                  "window",
                                  "self",
                                  "document",
                                  "navigator",
                                  "jscOptions"};
    for (const std::string each : wanted) {
        INFO(each);
        CHECK(all.value("() => typeof " + each) == value("undefined"));
        CHECK(all.value("() => (() => {}).constructor.constructor('return typeof " + each +
                        "')()") == value("undefined"));
    }
    CHECK(all.value("() => this.constructor.constructor('return this')() === globalThis") ==
          value(true));
    CHECK_FALSE(all.failure("() => import('fs')").empty());
    CHECK_FALSE(all.failure("() => import('/etc/passwd')").empty());
    CHECK(has(all.failure("() => { debugger; throw new Error('on') }"), "on"));
    CHECK(all.value("() => new Error('x').stack.includes('/')") == value(false));
}

TEST_CASE("maus-js has no rights, no environment, and no descriptor but its socket") {
    script_site all;
    CHECK(all.number("x => x") == 5);
    const auto found = helpers();
    REQUIRE(found.size() == 1);
    CHECK(status_of_process(found[0], "Seccomp") == "2");
    CHECK(status_of_process(found[0], "NoNewPrivs") == "1");
    // What it has is told to root alone, since it leaves no core.
    if (::geteuid() != 0) return;
    const std::string folder = "/proc/" + std::to_string(found[0]);
    std::set<std::string> open;
    for (const auto& each : std::filesystem::directory_iterator(folder + "/fd")) {
        const std::string name = each.path().filename();
        const std::string target = std::filesystem::read_symlink(each.path());
        open.insert(name + " " + target.substr(0, target.find('[')));
    }
    // The engine has opened some for itself.
    for (const auto& each : {std::string("anon_inode:"), std::string("/dev/urandom"),
                             "/proc/" + std::to_string(found[0]) + "/statm"}) {
        std::erase_if(open, [&](const std::string& name) { return name.substr(2) == each; });
    }
    CHECK(open == std::set<std::string>{"0 /dev/null", "1 /dev/null", "2 /dev/null", "3 socket:"});
    std::ifstream environment(folder + "/environ");
    std::string told;
    std::getline(environment, told);
    CHECK(has(told, "TZ=UTC"));
    CHECK_FALSE(has(told, "PATH="));
    CHECK_FALSE(has(told, "HOME="));
}

TEST_CASE("whoever takes maus-js over can do nothing but compute and answer") {
    FILE* const tries = ::popen(MAUS_BIN_DIR "/tests/in_sandbox 2>&1", "r");
    REQUIRE(tries != nullptr);
    std::string last;
    int refused = 0;
    for (char line[256]; std::fgets(line, sizeof line, tries) != nullptr;) {
        last = line;
        if (last == "alive\n") continue;
        CHECK(last.ends_with(": refused\n"));
        ++refused;
    }
    CHECK(::pclose(tries) == 0);
    CHECK(last == "alive\n");
    CHECK(refused > 30);
}

TEST_CASE("a maus-js that is killed from outside costs no call") {
    script_site all;
    CHECK(all.number("x => x") == 5);
    const auto idle = helpers();
    REQUIRE(idle.size() == 1);
    ::kill(idle[0], SIGKILL);
    CHECK(all.number("x => x + 1") == 6);
    const auto busy = helpers();
    REQUIRE(busy.size() == 1);
    auto slow = all.workers.call<int>(
        "sum", 40,
        number_script(maus::script(
            "x => { const end = Date.now() + 20; while (Date.now() < end); return x }")));
    // It has begun.
    REQUIRE(eventually([&] { return status_of_process(busy[0], "State") == "R"; }));
    ::kill(busy[0], SIGKILL);
    CHECK(value_of(slow) == 780);
    CHECK(helpers() != busy);
}

TEST_CASE("maus-js ends when its worker is stopped, in the middle of a script") {
    script_site all;
    CHECK(all.number("x => x") == 5);
    auto endless = all.workers.call(run_number, 5, maus::script("() => { for (;;); }"));
    const auto found = helpers();
    REQUIRE(found.size() == 1);
    REQUIRE(eventually([&] { return status_of_process(found[0], "State") == "R"; }));
    all.worker.stop();
    CHECK(helpers().empty());
    endless.cancel();
}
