// A worker and a manager in Python, written from PROTOCOL.md alone (python/), with the real things.
#include "catch.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <iostream>

#include "raw_tcp.hpp"
#include "real.hpp"

using namespace spec;

namespace {

constexpr const char* python = "/usr/bin/python3";

/// A Python program that runs until it ends or is no longer needed.
class script {
public:
    explicit script(std::vector<std::string> arguments) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
        out_ = ends[0];
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
        std::string name = python;
        std::vector<char*> raw{name.data()};
        for (auto& each : arguments) raw.push_back(each.data());
        raw.push_back(nullptr);
        const int failed = ::posix_spawn(&pid_, python, &actions, nullptr, raw.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        if (failed != 0) throw std::runtime_error("cannot start python3");
    }
    script(const script&) = delete;
    script& operator=(const script&) = delete;
    ~script() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(out_);
    }
    /// What it says until it ends by itself; its exit status.
    int finish(std::string& said) {
        char chunk[4096];
        for (pollfd item{out_, POLLIN, 0};
             ::poll(&item, 1, static_cast<int>(patience.count())) > 0;) {
            const auto count = ::read(out_, chunk, sizeof chunk);
            if (count <= 0) break;
            said.append(chunk, static_cast<std::size_t>(count));
        }
        int status = -1;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return status;
    }

private:
    pid_t pid_ = -1;
    int out_ = -1;
};

const std::string folder = MAUS_SOURCE_DIR "/tests/conformance/python/";

/// False, and a line that says so, where Python or its ZeroMQ is missing (ctest then says Skipped).
bool python_is_there() {
    if (::access(python, X_OK) == 0) {
        std::string ignored;
        if (script({"-c", "import zmq"}).finish(ignored) == 0) return true;
    }
    std::cout << "skipped: needs " << python << " with zmq (apt-get install python3-zmq)\n";
    return false;
}

const std::string what_the_manager_says =
    "add(20, 22) = 42\n"
    "shout(mouse) = MOUSE\n"
    "shout()  failed 7: RuntimeError: nothing to shout\n"
    "add(?)  failed 10\n"
    "nothing()  failed 8\n";

}  // namespace

TEST_CASE("python: a worker from PROTOCOL.md serves a real manager") {
    if (!python_is_there()) return;
    const real_park park;
    const script worker({folder + "worker.py", park.endpoint(), "snake"});
    maus::manager manager(manager_options());
    manager.connect_parkserver(park.endpoint());
    for (int lease = 0; lease < 2; ++lease) {
        auto workers = manager.get_workers({.amount = 1, .type = "snake"});
        std::vector<maus::future<int>> sums;
        for (int i = 0; i < 100; ++i) sums.push_back(workers.call<int>("add", i, 1));
        for (int i = 0; i < 100; ++i) CHECK(sums[static_cast<std::size_t>(i)].get() == i + 1);
        CHECK(workers.call<std::string>("shout", "mouse").get() == "MOUSE");
        auto threw = workers.call<std::string>("shout", "");
        CHECK(error_of(threw) == maus::errc::remote_exception);
        workers.release();
    }
}

TEST_CASE("python: a manager from PROTOCOL.md calls a real worker") {
    if (!python_is_there()) return;
    const real_park park;
    maus::worker worker;
    worker.expose("add", [](int x, int y) { return x + y; });
    worker.expose("shout", [](std::string text) {
        if (text.empty()) throw std::runtime_error("nothing to shout");
        for (char& c : text) c = static_cast<char>(std::toupper(c));
        return text;
    });
    worker.register_parkserver(park.endpoint(), "snake");
    worker.start();
    for (int turn = 0; turn < 2; ++turn) {
        std::string said;
        script manager({folder + "manager.py", park.endpoint(), "snake"});
        CHECK(manager.finish(said) == 0);
        const auto type = said.find("std::runtime_error");
        if (type != std::string::npos) said.replace(type, 18, "RuntimeError");
        CHECK(said == what_the_manager_says);
    }
}

TEST_CASE("python: a manager and a worker from PROTOCOL.md find each other") {
    if (!python_is_there()) return;
    const real_park park;
    const script worker({folder + "worker.py", park.endpoint()});
    std::string said;
    script manager({folder + "manager.py", park.endpoint()});
    CHECK(manager.finish(said) == 0);
    CHECK(said == what_the_manager_says);
}
