// Where the programs write to may be full, slow, or gone. The parkserver goes on in any case; what
// is run for its output ends.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <zmq.hpp>

#include <maus/wire/control.hpp>

#include "programs/program.hpp"

using namespace programs;
using nlohmann::json;

namespace {

/// A pipe whose writing end programs inherit.
class pipe_to_us {
public:
    pipe_to_us() {
        REQUIRE(::pipe(ends_) == 0);
        ::fcntl(ends_[0], F_SETFD, FD_CLOEXEC);
        ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    }
    pipe_to_us(const pipe_to_us&) = delete;
    pipe_to_us& operator=(const pipe_to_us&) = delete;
    ~pipe_to_us() {
        stop_reading();
        ::close(ends_[1]);
    }

    /// "FD>&N": for a program's arguments.
    [[nodiscard]] std::string as(int fd) const {
        return std::to_string(fd) + ">&" + std::to_string(ends_[1]);
    }
    /// From now on a write waits for somebody who reads.
    void fill() {
        const std::string some(4096, '.');
        ::fcntl(ends_[1], F_SETFL, O_NONBLOCK);
        while (::write(ends_[1], some.data(), some.size()) > 0) filled_ += some.size();
        ::fcntl(ends_[1], F_SETFL, 0);
    }
    void stop_reading() {
        if (ends_[0] >= 0) ::close(ends_[0]);
        ends_[0] = -1;
    }
    /// All that was written so far, without what it was filled with.
    [[nodiscard]] std::string read_on() {
        char some[4096];
        for (ssize_t got; (got = ::read(ends_[0], some, sizeof some)) > 0;) {
            const auto size = static_cast<std::size_t>(got);
            const auto ours = std::min(filled_, size);
            filled_ -= ours;
            read_.append(some + ours, size - ours);
        }
        return read_;
    }
    [[nodiscard]] bool says(const std::string& text) {
        return eventually([&] { return read_on().find(text) != std::string::npos; });
    }

private:
    int ends_[2] = {-1, -1};
    std::size_t filled_ = 0;
    std::string read_;
};

words on_any_port(const words& more = {}) {
    words all{"--bind", "tcp://127.0.0.1:*"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

/// Somebody registers, is seen, works, and goes; each of which makes the parkserver say something.
void serves_as_ever(const parkserver& park) {
    program worker("maus-demo", {"worker", "-p", park.endpoint()});
    REQUIRE(worker.says("registered with parkserver"));
    CHECK(run("maus-demo", {"manager", "-p", park.endpoint()}).code == good);
    CHECK(run_json("maus", park.asked({"status", "--json"}))["workers"].size() == 1);
    worker.signal(SIGTERM);
    CHECK(worker.wait() == good);
}

/// One worker that registers again and again, far more often than anybody wants to read of.
void register_often(const std::string& endpoint, std::uint64_t times) {
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::dealer);
    socket.set(zmq::sockopt::sndhwm, 0);
    socket.set(zmq::sockopt::rcvhwm, 0);
    socket.connect(endpoint);
    maus::wire::register_worker who;
    who.worker.bytes.fill(1);
    who.incarnation = {1};
    who.type = "storm";
    const auto registration = maus::wire::encode_control(who);
    const auto bytes = registration.first.view();
    for (std::uint64_t i = 1; i <= times; ++i) {
        socket.send(zmq::const_buffer(bytes.data(), bytes.size()), zmq::send_flags::none);
    }
    for (std::uint64_t i = 1; i <= times; ++i) {
        zmq::message_t answer;
        REQUIRE(socket.recv(answer).has_value());
    }
    socket.set(zmq::sockopt::linger, 0);
}

/// How many lines a log tells of: those that stand there, and those that it counts.
std::uint64_t lines_told(const std::string& log, const std::string& kind) {
    std::istringstream lines(log);
    std::uint64_t told = 0;
    for (std::string line; std::getline(lines, line);) {
        const auto more = line.find("... ");
        if (more == std::string::npos) {
            told += line.find(kind) != std::string::npos ? 1 : 0;
            continue;
        }
        std::string number = line.substr(more + 4, line.find(" more like") - more - 4);
        std::erase(number, ',');
        told += std::stoull(number);
    }
    return told;
}

}  // namespace

TEST_CASE("a parkserver whose log nobody reads serves as ever, and tells when somebody does") {
    pipe_to_us log;
    log.fill();
    parkserver park(on_any_port(), log.as(2));
    serves_as_ever(park);
    CHECK(log.says(" joined: type default"));
    CHECK(log.says(" left: goodbye: the worker stops"));
    park.itself().signal(SIGTERM);
    CHECK(park.itself().wait() == good);
    CHECK(log.says(" stopping\n"));
}

TEST_CASE("a parkserver whose log nobody reads stops when it is asked to") {
    pipe_to_us log;
    log.fill();
    parkserver park(on_any_port(), log.as(2));
    serves_as_ever(park);
    park.itself().signal(SIGTERM);
    CHECK(park.itself().wait() == good);
}

TEST_CASE("a parkserver whose log has lost its reader goes on") {
    pipe_to_us log;
    parkserver park(on_any_port(), log.as(2));
    serves_as_ever(park);
    CHECK(log.says(" joined: type default"));
    log.stop_reading();
    serves_as_ever(park);
    park.itself().signal(SIGTERM);
    CHECK(park.itself().wait() == good);
}

TEST_CASE("a parkserver whose log is on a full disk goes on") {
    parkserver park(on_any_port(), "2>/dev/full");
    serves_as_ever(park);
    park.itself().signal(SIGTERM);
    CHECK(park.itself().wait() == good);
}

TEST_CASE("a storm of registrations is summarised, and each one is told or counted") {
    constexpr std::uint64_t times = 5000;
    parkserver park(on_any_port());
    register_often(park.endpoint(), times);
    park.itself().signal(SIGTERM);
    CHECK(park.itself().wait() == good);
    const std::string log = park.itself().err();
    CHECK(lines_told(log, " joined: ") == times);
    CHECK_THAT(log, maus_test::has_text(" more like this: worker # joined\n"));
}

TEST_CASE("a parkserver's log can be JSON, an object a line") {
    parkserver park(on_any_port({"--log-format", "json"}));
    serves_as_ever(park);
    park.itself().signal(SIGTERM);
    CHECK(park.itself().wait() == good);
    std::istringstream lines(park.itself().err());
    std::size_t found = 0;
    for (std::string line; std::getline(lines, line); ++found) {
        INFO(line);
        const json object = json::parse(line);
        CHECK(object.size() == 3);
        CHECK(object.at("level") == "info");
        CHECK(object.at("time").get<std::string>().size() == 24);
        CHECK(object.at("time").get<std::string>().ends_with('Z'));
        CHECK(!object.at("text").get<std::string>().empty());
    }
    CHECK(found == 6);  // two joined, a lease, two left, stopping
}

TEST_CASE("a program whose output nobody wants any more ends as others do, and quietly") {
    const parkserver there;
    pipe_to_us gone;
    gone.stop_reading();
    const std::vector<std::pair<std::string, words>> rows = {
        {"maus", {"--help"}},
        {"maus", there.asked({"status"})},
        {"maus", there.asked({"status", "--watch", "0.1"})},
        {"maus", there.asked({"functions", "--json"})},
        {"maus-demo", {"--version"}},
        {"maus-demo", {"worker", "-p", there.endpoint()}},
        {"maus-demo", {"wordcount", MAUS_SOURCE_DIR "/LICENSE"}},
        {"maus-bench", {"--help"}},
        {"maus-bench", {"echo", "--quick", "--window", "1"}},
        {"maus-sim", {"--seeds", "1..1"}},
        {"maus-parkserver", {"--help"}}};
    for (const auto& [name, arguments] : rows) {
        INFO(typed(name, arguments));
        const outcome ended = run(name, arguments, gone.as(1));
        // maus-bench ignores the signal, since its child processes may end while it writes to them.
        CHECK(ended.code == (name == "maus-bench" ? failed : -SIGPIPE));
        CHECK(ended.err == "");
    }
}

TEST_CASE("a program that was started to ignore SIGPIPE ends as quietly") {
    const parkserver there;
    pipe_to_us gone;
    gone.stop_reading();
    for (const auto& arguments :
         {words{"--help"}, there.asked({"status"}), there.asked({"functions"}),
          there.asked({"status", "--watch", "0.1"})}) {
        words command{"-c", "trap '' PIPE; exec \"$@\"", "sh", MAUS_BIN_DIR "/maus"};
        command.insert(command.end(), arguments.begin(), arguments.end());
        const outcome ended = run("/bin/sh", command, gone.as(1));
        INFO(typed("maus", arguments));
        CHECK(ended.code == failed);
        CHECK(ended.err == "");
    }
}

TEST_CASE("output that cannot be written is a failure, not a success") {
    const parkserver there;
    const std::vector<std::pair<std::string, words>> rows = {
        {"maus", {"--help"}},
        {"maus", there.asked({"status"})},
        {"maus", there.asked({"status", "--watch", "0.1"})},
        {"maus", there.asked({"functions", "--json"})},
        {"maus-demo", {"--version"}},
        {"maus-demo", {"wordcount", MAUS_SOURCE_DIR "/LICENSE"}},
        {"maus-bench", {"echo", "--quick", "--window", "1"}},
        {"maus-parkserver", {"--version"}},
        {"maus-parkserver", on_any_port({"--log-level", "off"})}};
    for (const auto& [name, arguments] : rows) {
        const outcome ended = run(name, arguments, "1>/dev/full");
        INFO(typed(name, arguments) << "\n" << ended.err);
        CHECK(ended.code == failed);
        CHECK_THAT(ended.err, maus_test::has_text("cannot write the output"));
    }
}
