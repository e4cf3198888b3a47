// What every program of ours has in common: --help, --version, three exit codes, errors on stderr
// that say what to do, and nothing at all where all is well.
#include "programs/program.hpp"

using namespace programs;

namespace {

const words all_programs{"maus-parkserver", "maus-gateway", "maus",    "maus-demo",
                         "maus-js",         "maus-bench",   "maus-sim"};

struct command {
    std::string name;
    words arguments;
};

}  // namespace

TEST_CASE("every program shows its help and its version") {
    for (const auto& name : all_programs) {
        const outcome help = run(name, {"--help"});
        INFO(typed(name, {"--help"}) << "\n" << help.out << help.err);
        CHECK(help.code == good);
        CHECK(help.err.empty());
        CHECK_THAT(help.out, maus_test::has_text("--version"));
        CHECK_THAT(help.out, maus_test::has_text(name + " "));  // an example
        const outcome version = run(name, {"--version"});
        CHECK(version.code == good);
        CHECK(version.err.empty());
        CHECK(version.out.starts_with(name + " "));
        CHECK(std::count(version.out.begin(), version.out.end(), '\n') == 1);
    }
    const std::vector<command> commands = {
        {"maus", {"status"}},          {"maus", {"functions"}},   {"maus-demo", {"wordcount"}},
        {"maus-demo", {"job-worker"}}, {"maus-demo", {"worker"}}, {"maus-demo", {"manager"}},
        {"maus-demo", {"picture"}}};
    for (const auto& [name, arguments] : commands) {
        const outcome help = run(name, {arguments[0], "--help"});
        INFO(typed(name, arguments) << "\n" << help.out << help.err);
        CHECK(help.code == good);
        CHECK(help.err.empty());
        CHECK_THAT(help.out, maus_test::has_text("Usage: " + name + " " + arguments[0]));
        CHECK_THAT(help.out, maus_test::has_text("Examples:\n"));
    }
}

TEST_CASE("bad usage ends with 2, nothing on stdout, and a word about it on stderr") {
    struct row {
        command typed;
        std::string said;
    };
    const std::string park = "maus-parkserver";
    const std::vector<row> rows = {
        {{park, {"--nonsense"}}, "--nonsense"},
        {{park, {"extra"}}, "extra"},
        {{park, {"--bind"}}, "--bind"},
        {{park, {"--bind", "foo"}}, "'foo' is no endpoint"},
        {{park, {"--bind", "inproc://x"}}, "no endpoint"},
        {{park, {"--bind", "tcp://127.0.0.1:99999"}}, "'99999' is no port"},
        {{park, {"--bind", "tcp://127.0.0.1:-1"}}, "'-1' is no port"},
        {{park, {"--bind", "tcp://127.0.0.1:18599x"}}, "'18599x' is no port"},
        {{park, {"--bind", "tcp://127.0.0.1: 18599"}}, "' 18599' is no port"},
        {{park, {"--bind", "tcp://127.0.0.1:18599/x"}}, "'18599/x' is no port"},
        {{park, {"--bind", "ipc:///tmp/" + std::string(150, 'x')}}, "107 characters"},
        {{park, {"--heartbeat", "0"}}, "--heartbeat"},
        {{park, {"--liveness", "1"}}, "--liveness"},
        {{park, {"--max-peers", "0"}}, "--max-peers"},
        {{park, {"--max-message", "1"}}, "--max-message"},
        {{park, {"--log-level", "loud"}}, "--log-level"},
        {{park, {"--log-format", "xml"}}, "--log-format"},
        {{park, {"--web", "8501"}}, "'8501' is no HOST:PORT"},
        {{park, {"--web-max-message", "1"}}, "--web-max-message"},
        {{"maus-gateway", {"--nonsense"}}, "--nonsense"},
        {{"maus-gateway", {"--parkserver", "tcp://*:1"}}, "no endpoint"},
        {{"maus-gateway", {"--web", "127.0.0.1:99999"}}, "'99999' is no port"},
        {{"maus-gateway", {"--web-origin", "maus.example"}}, "is no origin"},
        {{"maus-gateway", {"--web-origin", "https://maus.example/x"}}, "is no origin"},
        {{"maus-gateway", {"--web-max-sockets", "0"}}, "--web-max-sockets"},
        {{"maus-gateway", {"--web-handshake", "0"}}, "--web-handshake"},
        {{"maus", {}}, "status, functions, call or map"},
        {{"maus", {"--nonsense"}}, "--nonsense"},
        {{"maus", {"frobnicate"}}, "frobnicate"},
        {{"maus", {"status", "--nonsense"}}, "--nonsense"},
        {{"maus", {"status", "--parkserver"}}, "--parkserver"},
        {{"maus", {"status", "--parkserver", "tcp://*:1"}}, "no endpoint"},
        {{"maus", {"status", "--parkserver", "tcp://127.0.0.1:*"}}, "'*' is no port"},
        {{"maus", {"status", "--parkserver", "tcp://127.0.0.1:99999"}}, "'99999' is no port"},
        {{"maus", {"functions", "-p", "tcp://127.0.0.1:18599x"}}, "'18599x' is no port"},
        {{"maus-demo", {"worker", "--connect", "tcp://127.0.0.1:-1"}}, "'-1' is no port"},
        {{"maus-demo", {"manager", "--bind", "tcp://127.0.0.1:18599/x"}}, "is no port"},
        {{"maus", {"status", "--timeout", "0"}}, "--timeout"},
        {{"maus", {"status", "--watch", "-1"}}, "--watch"},
        {{"maus", {"status", "--watch", "nan"}}, "--watch"},
        {{"maus", {"functions", "extra"}}, "extra"},
        {{"maus", {"map", "f", "--skip", "-1"}}, "--skip"},
        {{"maus", {"map", "f", "--skip=-1"}}, "--skip"},
        {{"maus", {"map", "f", "--skip", "18446744073709551615"}}, "--skip"},
        {{"maus", {"map", "f", "--jobs", "-1"}}, "--jobs"},
        {{"maus-demo", {}}, "picture, wordcount, primes, integrate, job-worker, worker or manager"},
        {{"maus-demo", {"frobnicate"}}, "frobnicate"},
        {{"maus-demo", {"wordcount", "--workers", "0"}}, "--workers"},
        {{"maus-demo", {"wordcount", "--workers", "2", "--kill", "2"}}, "--kill"},
        {{"maus-demo", {"wordcount", "--top", "-1"}}, "--top"},
        {{"maus-demo", {"picture", "--width", "63"}}, "--width"},
        {{"maus-demo", {"picture", "extra"}}, "extra"},
        {{"maus-demo", {"wordcount", "--type", "a\tb"}}, "--type"},
        {{"maus-demo", {"wordcount", "--type", ""}}, "--type"},
        {{"maus-demo", {"worker", "--type", std::string(200, 'x')}}, "--type"},
        {{"maus-demo", {"worker", "--parkserver", "foo"}}, "no endpoint"},
        {{"maus-demo", {"worker", "-p", "tcp://[::1]:1", "--connect", "tcp://[::1]:2"}},
         "excludes"},
        {{"maus-demo", {"manager", "--bind", "8600"}}, "no endpoint"},
        {{"maus-bench", {"--nonsense"}}, "--nonsense"},
        {{"maus-bench", {}}, "say what to do: echo"},
        {{"maus-bench", {"echo", "--pin", "two"}}, "--pin"},
        {{"maus-bench", {"echo", "--repeats", "0"}}, "--repeats"},
        {{"maus-bench", {"echo", "--seconds", "nan"}}, "--seconds"},
        {{"maus-sim", {"--nonsense"}}, "--nonsense"},
        {{"maus-sim", {"--seeds", "3..1"}}, "--seeds"},
        {{"maus-sim", {"--seeds", "all"}}, "--seeds"},
        {{"maus-sim", {"--seeds", "-4"}}, "--seeds"},
        {{"maus-sim", {"--seeds=-4"}}, "not -4"},
        {{"maus-sim", {"--seed=-4"}}, "--seed wants"},
        {{"maus-sim", {"--seed", "1", "--shrink", "--set", "frobs=1"}}, "--set knows no frobs"},
        {{"maus-sim", {"--seeds", "1..3", "--set", "crashes"}}, "NAME=NUMBER, not crashes"},
        {{"maus-sim", {"--set", "managers=0"}}, "from 1 on: managers=0"},
        {{"maus-sim", {"--set", "workers=1.5"}}, "whole number"},
        {{"maus-sim", {"--set", "crashes=nan"}}, "crashes=nan"},
        {{"maus-sim", {"--jobs", "0"}}, "--jobs"},
        {{"maus-sim", {"--minutes", "nan"}}, "--minutes"},
        {{"maus-sim", {"--seed-seconds", "nan"}}, "--seed-seconds"},
        {{"maus-sim", {"--twice-every", "-1"}}, "--twice-every"},
        {{MAUS_SOURCE_DIR "/bin/mutants", {"--jobs", "0"}}, "--jobs"},
        {{MAUS_SOURCE_DIR "/bin/mutants", {"--seeds", "-5"}}, "--seeds"},
        {{MAUS_SOURCE_DIR "/bin/mutants", {"--program", "/nosuch"}}, "/nosuch"},
        {{MAUS_SOURCE_DIR "/bin/mutants", {"--only", "nosuch"}}, "--list"},
        {{MAUS_SOURCE_DIR "/bin/setup", {"--nonsense"}}, "usage: bin/setup"},
        {{MAUS_SOURCE_DIR "/bin/test", {"nonsense"}}, "usage: bin/test"},
        {{MAUS_SOURCE_DIR "/bin/bench-guard", {"nonsense"}}, "usage: bin/bench-guard"},
    };
    for (const auto& [typed_in, said] : rows) {
        const outcome ended = run(typed_in.name, typed_in.arguments);
        INFO(typed(typed_in.name, typed_in.arguments) << "\n" << ended.out << ended.err);
        CHECK(ended.code == usage);
        CHECK(ended.out.empty());
        CHECK_THAT(ended.err, maus_test::has_text(said));
    }
}

TEST_CASE("what cannot be done ends with 1, and a line on stderr says why") {
    const maus_test::scratch_folder folder;
    const parkserver there;
    const std::string nobody = "ipc://" + folder.file("nobody");
    struct row {
        command typed;
        std::string said;
    };
    const std::vector<row> rows = {
        {{"maus", {"status", "-p", nobody, "--timeout", "200"}}, "no parkserver answers"},
        {{"maus", {"status", "-p", nobody, "--timeout", "0.2s", "--watch", "1min"}},
         "no parkserver answers"},
        {{"maus", {"status", "-p", nobody, "--timeout", "200", "--json"}},
         "maus-parkserver --bind"},
        {{"maus", {"functions", "-p", nobody, "--timeout", "200"}}, "no parkserver answers"},
        {{"maus", {"status", "-p", nobody, "--timeout", "200", "--watch", "1"}},
         "no parkserver answers"},
        {{"maus-demo", {"wordcount", "-p", nobody}}, "no parkserver answers"},
        {{"maus-demo", {"picture", "-p", nobody, "-p", nobody}}, "no parkserver answers"},
        {{"maus-demo", {"wordcount", folder.file("missing")}}, "No such file"},
        {{"maus-demo", {"wordcount", folder.path()}}, "no files"},
        {{"maus-demo", {"manager", "--bind", there.endpoint()}}, "taken"},
        {{"maus-parkserver", {"--bind", there.endpoint()}}, "the port is taken"},
        {{"maus-parkserver", {"--bind", "tcp://127.0.0.1:*", "--bind", there.endpoint()}},
         "the port is taken"},
        {{"maus-parkserver", {"--bind", "ipc://" + folder.file("missing/place")}},
         "its folder is missing"},
        {{"maus-parkserver", {"--bind", "tcp://192.0.2.1:1"}}, "no address 192.0.2.1"},
        {{"maus-gateway", {"--web", "192.0.2.1:1", "--web-tokens", folder.file("t")}},
         "cannot listen at 192.0.2.1:1"},
        {{"maus-gateway", {"--web-tokens", folder.path()}}, "it is no file"},
    };
    for (const auto& [typed_in, said] : rows) {
        const outcome ended = run(typed_in.name, typed_in.arguments);
        INFO(typed(typed_in.name, typed_in.arguments) << "\n" << ended.out << ended.err);
        CHECK(ended.code == failed);
        CHECK(ended.out.empty());
        CHECK_THAT(ended.err, maus_test::has_text(said));
        CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 1);
    }
}
