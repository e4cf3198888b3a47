// Section 6.5, scripts: real workers by a fake manager, and real managers by fake workers.
#include "catch.hpp"

#include "maus/function.hpp"
#include "real.hpp"

using namespace spec;

namespace {

const std::vector<std::string> with_scripts = {"functions", "scripts"}, without = {"functions"};
using unary_script = maus::function<int(int)>;
constexpr maus::method<int(int, unary_script)> apply_script{"apply"};
constexpr u8 broken_rules = 15, larger_than_allowed = 12;
constexpr u16 script_bytes_max = 13;
constexpr std::size_t overhead = 4096;

u8 code_of(maus::errc code) { return static_cast<u8>(code); }
id id_of(int number) {
    id made;
    made.raw.fill(static_cast<char>(number));
    return made;
}
bytes script_reference(const id& which) { return payload(u8{4}, which); }
record a_script(const id& which, const std::string& text,
                const std::string& language = "javascript") {
    return {r_script, 0, 0, payload(which, language, text), {}};
}
struct told_script {
    id script;
    std::string language, text;
    void fields(auto& io) { io(script, language, text); }
};

/// "apply" served by a real worker to a fake manager.
struct served_scripts {
    log_book log;
    fake_manager manager;
    maus::worker worker;
    std::optional<spec::link> guest;
    hello said;

    explicit served_scripts(bool allowed = true,
                            const std::vector<std::string>& features = with_scripts,
                            std::size_t bytes_max = maus::limits{}.script_bytes_max)
        : worker(options_of(allowed, bytes_max)) {
        worker.expose("apply", [](int x, const unary_script& f) { return f(x); });
        worker.connect(manager.workers.endpoint());
        worker.start();
        meet(features);
    }
    /// The worker comes to a manager, for the first time or again.
    void meet(const std::vector<std::string>& features = with_scripts) {
        channel& through = manager.workers.accept();
        guest.emplace(through);
        guest->is_managers = true;
        reader in(guest->next(r_hello).body);
        in(said);
        welcome yes;
        yes.manager = manager.self.manager;
        yes.stamp = said.stamp;
        yes.features = features;
        guest->send(to_record(r_welcome, yes));
    }
    spec::link& link() { return *guest; }
    void call(u64 number, int x, const bytes& reference) {
        link().send(a_call({number, 1}, 0, payload(x) + reference));
    }
    int result() { return decoded_int(payload_of(link().next(r_result))); }
    fault failure() { return decoded<fault>(link().next(r_failed).body); }
    /// The error by which the link ends after this.
    u8 ends_with(const record& what) {
        link().send(what);
        return decoded<parting>(link().next(r_worker_goodbye).body).error;
    }

private:
    static int decoded_int(const bytes& from) {
        reader in(from);
        int read = 0;
        in(read);
        return read;
    }
    maus::worker_options options_of(bool allowed, std::size_t bytes_max) {
        maus::worker_options options;
        options.allow_scripts = allowed;
        options.limits.script_bytes_max = bytes_max;
        options.log = log.writer();
        return options;
    }
};

bool names(const std::vector<std::string>& features, const std::string& feature) {
    return std::find(features.begin(), features.end(), feature) != features.end();
}

/// A fake worker of "apply" and "add", and the real manager that it has connected to.
struct runs_scripts {
    managed all;
    fake_worker worker;
    welcome answer;

    explicit runs_scripts(const std::vector<std::string>& features = with_scripts,
                          std::map<u16, u64> limits = {}) {
        worker.socket = std::make_unique<dealer>(all.endpoint());
        worker.link = std::make_unique<spec::link>(*worker.socket);
        hello who;
        who.features = features;
        who.limits = std::move(limits);
        who.concurrency = 8;
        record first = to_record(r_hello, who);
        first.body +=
            extension(6, payload(std::vector<std::string>{"apply(i32,fn<i32(i32)>)->i32"}));
        worker.link->send(first);
        answer = decoded<welcome>(worker.link->next(r_welcome).body);
    }
    maus::future<int> call(const maus::script& sent) {
        return all.workers.call(apply_script, 5, sent);
    }
    told_script next_script() { return decoded<told_script>(worker.link->next(r_script).body); }
    /// The call that comes next, and nothing else before it. Answers it.
    bytes next_call() {
        const auto came = worker.link->receive(patience);
        REQUIRE(came.has_value());
        REQUIRE(came->type == r_call);
        worker.link->send(with_payload(r_result, attempt_of(*came), payload(1)));
        return payload_of(*came);
    }
};

}  // namespace

TEST_CASE("P-127: only a worker whose owner allows it names the feature, and every manager does") {
    served_scripts allowed, refused(false);
    CHECK(names(allowed.said.features, "scripts"));
    CHECK_FALSE(names(refused.said.features, "scripts"));
    const runs_scripts all;
    CHECK(names(all.answer.features, "scripts"));
}

TEST_CASE(
    "P-127: a script is sent to no worker that did not name the feature, and refused by name") {
    runs_scripts all(without);
    auto call = all.call(maus::script("x => x"));
    CHECK(error_of(call) == maus::errc::unimplemented);
    CHECK(all.worker.link->never(r_call));
}

TEST_CASE("P-127: a worker that did not name the feature takes no script, and runs none") {
    served_scripts all(false);
    all.call(1, 5, script_reference(id_of(1)));
    CHECK(all.failure().text.find("unimplemented") != std::string::npos);
    CHECK(all.ends_with(a_script(id_of(1), "x => x")) == broken_rules);
    served_scripts lacks(true, without);
    CHECK(lacks.ends_with(a_script(id_of(1), "x => x")) == broken_rules);
}

TEST_CASE("P-128: a text is told once on a link, before the first call that refers to it") {
    runs_scripts all;
    const maus::script one("x => x"), other("x => x + 1");
    auto first = all.call(one);
    const auto told = all.next_script();
    CHECK(told.language == "javascript");
    CHECK(told.text == "x => x");
    CHECK(all.next_call() == payload(5) + script_reference(told.script));
    CHECK(first.get() == 1);
    auto second = all.call(maus::script("x => x"));
    CHECK(all.next_call() == payload(5) + script_reference(told.script));
    auto third = all.call(other);
    const auto next = all.next_script();
    CHECK(next.text == "x => x + 1");
    CHECK(next.script != told.script);
    CHECK(all.next_call() == payload(5) + script_reference(next.script));
    CHECK(second.get() + third.get() == 2);
}

TEST_CASE("P-128: a worker takes any id for the name of a text, and knows those of its link only") {
    served_scripts all;
    all.link().send(a_script(id_of(1), "x => x + 1"));
    all.link().send(a_script(id_of(2), "x => x + 2"));
    all.call(1, 5, script_reference(id_of(2)));
    CHECK(all.result() == 7);
    all.call(2, 5, script_reference(id_of(1)));
    CHECK(all.result() == 6);
    all.call(3, 5, script_reference(id_of(3)));
    CHECK(all.failure().text.find("no_such_function") != std::string::npos);
    // Half a record, half a reference, and a name that is none.
    all.call(4, 5, script_reference(id_of(1)).substr(0, 16));
    CHECK(all.failure().error == code_of(maus::errc::bad_arguments));
    all.link().send(
        to_record(r_manager_goodbye, parting{code_of(maus::errc::cancelled), "enough"}));
    all.meet();
    all.call(1, 5, script_reference(id_of(1)));
    CHECK(all.failure().text.find("no_such_function") != std::string::npos);
    const record bad =
        GENERATE(record{r_script, 0, 0, payload(id_of(1), std::string("javascript")), {}},
                 a_script(id_of(1), "x", ""), a_script(id_of(1), "x", "a\nb"),
                 record{r_script, 2, 0, a_script(id_of(1), "x").body, {}});
    CHECK(all.ends_with(bad) == broken_rules);
}

TEST_CASE("P-129: what a worker has forgotten is told again, with all that its call refers to") {
    runs_scripts all(with_scripts, {{script_bytes_max, 2 * (overhead + 10)}});
    const maus::script one("x => 1"), two("x => 2"), three("x => 3");
    for (const auto* each : {&one, &two, &three}) {
        auto call = all.call(*each);
        CHECK(all.next_script().text == each->text());
        (void)all.next_call();
        CHECK(call.get() == 1);
    }
    auto known = all.call(two);
    (void)all.next_call();
    auto forgotten = all.call(one);
    CHECK(all.next_script().text == one.text());
    (void)all.next_call();
    CHECK(known.get() + forgotten.get() == 2);
}

TEST_CASE("P-129: a worker remembers what it has to, and a call keeps what it refers to") {
    served_scripts all(true, with_scripts, 2 * (overhead + 100));
    all.link().send(a_script(id_of(1), "x => x + 1"));
    all.link().send(a_script(id_of(2), "x => x + 2"));
    all.link().send(a_script(id_of(1), "x => x + 1"));  // the newest again
    all.link().send(a_script(id_of(3), "x => x + 3"));
    all.call(1, 5, script_reference(id_of(1)));
    CHECK(all.result() == 6);
    // In one message: when the first is looked at, its text is forgotten.
    all.link().send({a_call({2, 1}, 0, payload(5) + script_reference(id_of(1))),
                     a_script(id_of(4), "x => x + 4"), a_script(id_of(5), "x => x + 5"),
                     a_call({3, 1}, 0, payload(5) + script_reference(id_of(5)))});
    // Two run at a time, and any may be the first to end.
    const auto one = all.result(), other = all.result();
    CHECK(std::set{one, other} == std::set<decltype(all.result())>{6, 10});
    all.call(4, 5, script_reference(id_of(2)));
    CHECK(all.failure().text.find("no_such_function") != std::string::npos);
}

TEST_CASE("P-129: texts of more than a link may have are too large, at either end") {
    served_scripts worker(true, with_scripts, overhead + 10);
    CHECK(worker.ends_with(a_script(id_of(1), "x =>        x")) == larger_than_allowed);
    runs_scripts manager(with_scripts, {{script_bytes_max, overhead + 10}});
    auto call = manager.call(maus::script("x =>        x"));
    CHECK(error_of(call) == maus::errc::too_large);
    auto small = manager.call(maus::script("x => x"));
    CHECK(manager.next_script().text == "x => x");
    (void)manager.next_call();
    CHECK(small.get() == 1);
}

TEST_CASE(
    "P-130: a text is an expression whose value is a function, which knows itself as __this") {
    served_scripts all;
    auto run = [&, number = 0](const std::string& text) mutable {
        ++number;
        all.link().send(a_script(id_of(number), text));
        all.call(static_cast<u64>(number), 10, script_reference(id_of(number)));
    };
    run("x => x > 1 ? __this(x - 1) + __this(x - 2) : x");
    CHECK(all.result() == 55);
    run("function fib(n) { return n > 1 ? fib(n - 1) + fib(n - 2) : n } // a comment");
    CHECK(all.result() == 55);
    run("async x => await x + 1");
    CHECK(all.result() == 11);
    const auto fails_with = [&](const std::string& text) {
        return all.failure().text.find(text) != std::string::npos;
    };
    run("x => { throw new RangeError('not ' + x) }");
    CHECK(fails_with("remote_exception: RangeError: not 10"));
    run("x =>");
    CHECK(fails_with("remote_exception: SyntaxError"));
    run("5");
    CHECK(fails_with("remote_exception: TypeError"));
    run("x => 1.5");
    CHECK(fails_with("bad_result"));
    run("x => Symbol()");
    CHECK(fails_with("bad_result"));
    run("x => typeof all");  // nothing of where it was written
    CHECK(fails_with("\"undefined\""));
}

TEST_CASE("P-130: a language that is not known is unimplemented") {
    served_scripts all;
    all.link().send(a_script(id_of(1), "lambda x: x", "python"));
    all.call(1, 5, script_reference(id_of(1)));
    CHECK(all.failure().text.find("unimplemented") != std::string::npos);
}

TEST_CASE("P-131: what a script leaves behind is there for no other lease") {
    served_scripts all;
    const auto counts = [&] {
        all.link().send(a_script(id_of(1),
                                 "x => { globalThis.n = (globalThis.n || 0) + 1;"
                                 " Array.prototype.join = null; return n }"));
        all.call(1, 5, script_reference(id_of(1)));
        return all.result();
    };
    CHECK(counts() == 1);
    all.link().send(
        to_record(r_manager_goodbye, parting{code_of(maus::errc::cancelled), "enough"}));
    all.meet();
    CHECK(counts() == 1);
}
