// Workers in other languages, beside gRPC's servers in the same language. The callers are always in C++.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>

#include "bench/commands.hpp"
#include "bench/echo.hpp"
#include "bench/programs.hpp"

namespace bench {

namespace {

const std::string scripts = BENCH_SOURCE "/languages/";

struct languages_choice {
    std::vector<std::size_t> windows{100};
    std::vector<std::size_t> sizes{8};
    std::string python = "/usr/bin/python3";  // Debian's modules are this one's
    std::string node = "node";
    plan how;
};

// The interpreter of a language, and what runs it.
struct language {
    std::string name;
    std::string interpreter;
    std::string suffix;      // of its scripts
    std::string knows_maus;  // a script that ends with 0 if a worker can run
    std::string knows_grpc;  // the same for gRPC
    std::string packages;    // for a worker
    std::string grpc_packages;
    bool by_gateway;
};

std::vector<language> all_languages(const languages_choice& what) {
    return {{"python", what.python, ".py", "import zmq", "import grpc",
             "apt-get install python3-zmq", "bin/setup --peers", false},
            {"node", what.node, ".mjs",
             "try { require('ws') } catch { require('/usr/share/nodejs/ws') }",
             "require('@grpc/grpc-js')", "bin/setup", "bin/setup --peers", true}};
}

bool runs(const language& in, const std::string& script) {
    const std::string option = in.name == "node" ? " -e " : " -c ";
    const std::string command = "cd '" + scripts + "' && PYTHONPATH='" LIB_SOURCE "/python' '" +
                                in.interpreter + '\'' + option + '"' + script +
                                "\" >/dev/null 2>&1";
    return std::system(command.c_str()) == 0;
}

// Why a worker in it cannot be measured here; empty if it can.
std::string missing(const language& in) {
    if (!runs(in, in.knows_maus)) return in.interpreter + " cannot run it (" + in.packages + ")";
    if (in.by_gateway && find_neighbour("maus-gateway").empty()) {
        return "maus-gateway is not built (apt-get install libboost-dev, and build again)";
    }
    return {};
}

/// A gateway with its token file, which goes with it.
child gateway_at(const std::string& parkserver, std::string& address) {
    const auto tokens = std::filesystem::temp_directory_path() /
                        ("maus-bench-tokens." + std::to_string(getpid()) + ".json");
    auto gateway = child::program({find_neighbour("maus-gateway"), "--parkserver", parkserver,
                                   "--web", "127.0.0.1:0", "--web-tokens", tokens.string()});
    for (address.clear(); address.empty();) {
        const std::string line = gateway.hear();
        if (const auto at = line.find("http://"); line.find("#worker=") != std::string::npos) {
            address = line.substr(at);
        }
    }
    std::filesystem::remove(tokens);
    return gateway;
}

system_under_test worker_in(const language& in, const setting& what) {
    std::vector<child> all;
    const std::string script = scripts + "echo_worker" + in.suffix;
    if (!in.by_gateway) {
        setenv("PYTHONPATH", LIB_SOURCE "/python", 1);
        child client("maus-client", client_arguments("bind", "tcp://127.0.0.1:*", what));
        all.push_back(child::program({in.interpreter, script, client.hear()}));
        all.push_back(std::move(client));
        return system_under_test(std::move(all));
    }
    all.emplace_back("parkserver", words{"tcp://127.0.0.1:*"});
    const std::string endpoint = all.front().hear();
    std::string address;
    all.push_back(gateway_at(endpoint, address));
    all.push_back(child::program({in.interpreter, script, address}));
    child client("maus-client", client_arguments("relayed", endpoint, what));
    (void)client.hear();
    all.push_back(std::move(client));
    return system_under_test(std::move(all));
}

// Nothing: gRPC is not there for this language, or not for C++.
std::optional<system_under_test> grpc_in(const language& in, const setting& what) {
    const std::string client = find_neighbour("maus-bench-grpc");
    if (client.empty() || !runs(in, in.knows_grpc)) {
        std::cerr << "skipped: gRPC in " << in.name << " (" << in.grpc_packages
                  << ", and build again)\n";
        return std::nullopt;
    }
    std::vector<child> all;
    all.push_back(child::program({in.interpreter, scripts + "grpc_server" + in.suffix}));
    const std::string port = all.front().hear();
    all.push_back(child::program(
        {client, "client", port, std::to_string(what.window), std::to_string(what.bytes)}));
    return system_under_test(std::move(all));
}

std::vector<figure> measure_language(const language& in, const setting& what, const plan& how) {
    const std::string name = name_of("languages." + in.name, what);
    std::vector<std::pair<std::string, system_under_test>> references;
    references.emplace_back(name + ".cpp", in.by_gateway ? maus_relay(what) : maus_echo(what));
    if (auto grpc = grpc_in(in, what)) references.emplace_back(name + ".grpc", std::move(*grpc));
    return measure_systems(how, worker_in(in, what), std::move(references));
}

void run_languages(const languages_choice& what, const plan& how, report& out) {
    for (const auto& each : all_languages(what)) {
        if (const auto why = missing(each); !why.empty()) {
            std::cerr << "skipped: " << each.name << ": " << why << '\n';
            continue;
        }
        for (const auto size : what.sizes)
            for (const auto window : what.windows)
                out.add_calls(measure_language(each, {"tcp", size, window, 1}, how));
    }
}

}  // namespace

command add_languages(CLI::App& to) {
    auto what = std::make_shared<languages_choice>();
    CLI::App& app = add_benchmark(
        to, what->how, "languages", "Workers in Python and in Node, beside gRPC's servers there",
        "  maus-bench languages\n"
        "  maus-bench languages --window 100 --bytes 1024 --json languages.json\n\n"
        "The caller is in C++. Lines that end in .cpp are beside a worker in C++ on the same way: "
        "direct\n"
        "for Python, by a parkserver for Node, whose calls go through a gateway as well. Lines "
        "that end\n"
        "in .grpc are beside gRPC in that language, without protobuf, if it is installed.");
    add_numbers(app, "--window", what->windows, "Calls outstanding at a time", 1, 10'000);
    add_numbers(app, "--bytes", what->sizes, "Payload", 8, 1 << 16);
    app.add_option("--python", what->python, "Which Python")->capture_default_str();
    app.add_option("--node", what->node, "Which Node")->capture_default_str();
    return [what] {
        return run_benchmark(what->how, "languages",
                             [&](const plan& now, report& out) { run_languages(*what, now, out); });
    };
}

}  // namespace bench
