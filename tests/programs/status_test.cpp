// What `maus status` and `maus functions` show of a parkserver that is large, or hostile.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>
#include <zmq.hpp>

#include <maus/manager.hpp>
#include <maus/wire/control.hpp>
#include <maus/wire/message.hpp>

#include "bin/maus/show.hpp"
#include "bin/maus/summary.hpp"
#include "programs/program.hpp"

using namespace programs;
using maus::parkserver_status;
using nlohmann::ordered_json;

namespace {

constexpr const char* where = "tcp://127.0.0.1:1";

/// C0, DEL, C1, the turns of the writing direction, a character of four bytes, and no UTF-8 at all.
const std::string hostile =
    "a\x1b[31m\x7f\xC2\x9B\xE2\x80\xAE\xE2\x81\xA6\xD8\x9C\xF0\x9F\x90\xAD\xFF";

parkserver_status hostile_status() {
    parkserver_status made;
    made.version = hostile;
    made.workers.push_back({"w",
                            1,
                            hostile,
                            {"f()->" + hostile},
                            1,
                            maus::worker_state::leased,
                            "1.1",
                            "m",
                            hostile,
                            7,
                            {}});
    made.managers.push_back({"m", {hostile}, hostile, 8, {}});
    made.requests.push_back({"m", 1, hostile, 2, 1, {}});
    return made;
}

/// So many managers, each with one worker.
parkserver_status pairs(std::size_t count) {
    parkserver_status made;
    for (std::size_t i = 0; i < count; ++i) {
        const std::string id = std::to_string(1'000'000'000 + i);
        made.workers.push_back({id,
                                1,
                                "default",
                                {"f()->i32"},
                                1,
                                maus::worker_state::leased,
                                "1." + id,
                                id,
                                "host",
                                7,
                                {}});
        made.managers.push_back({id, {where}, "host", 8, {}});
    }
    return made;
}

// What a sanitizer adds to each allocation, and keeps of freed ones.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t sanitizer = 4;
#elif defined(__SANITIZE_THREAD__)
constexpr std::size_t sanitizer = 8;
#else
constexpr std::size_t sanitizer = 1;
#endif
constexpr std::size_t mib = std::size_t{1} << 20;

/// The most that a process had in memory so far.
std::size_t peak_of(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    std::size_t kib = 0;
    for (std::string word; file >> word;) {
        if (word == "VmHWM:") file >> kib;
    }
    return kib << 10;
}

/// The same as a parkserver says it.
maus::wire::message wire_status(std::size_t count) {
    maus::wire::status made;
    for (std::uint64_t number = 1; number <= count; ++number) {
        maus::wire::worker_status worker;
        maus::wire::manager_status manager;
        std::memcpy(worker.worker.bytes.data(), &number, sizeof number);
        std::memcpy(manager.manager.bytes.data(), &number, sizeof number);
        worker.type = "default";
        worker.signatures = {"add(i32,i32)->i32", "work(str,bytes)->map<str,i64>"};
        worker.host = manager.host = "host";
        worker.lease = {1, number};
        worker.manager = manager.manager;
        manager.endpoints = {where};
        made.workers.push_back(std::move(worker));
        made.managers.push_back(std::move(manager));
    }
    return maus::wire::encode_control(made);
}

std::string status_json(const parkserver_status& of, int indent) {
    std::ostringstream to;
    maus::cli::write_status_json(to, of, where, indent);
    return to.str();
}

bool is_plain(const std::string& text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7F); });
}

/// Where a stream writes to; remembers how much came at a time at most.
class meter : public std::streambuf {
public:
    std::size_t bytes = 0, most = 0;

protected:
    std::streamsize xsputn(const char*, std::streamsize count) override {
        bytes += static_cast<std::size_t>(count);
        most = std::max(most, static_cast<std::size_t>(count));
        return count;
    }
    int_type overflow(int_type c) override {
        ++bytes;
        return c;
    }
};

/// Answers one question, whatever it is.
class answers_once {
public:
    answers_once() { socket_.bind("tcp://127.0.0.1:*"); }
    [[nodiscard]] std::string endpoint() const { return socket_.get(zmq::sockopt::last_endpoint); }
    void serve(std::string_view answer) {
        zmq::message_t from, question;
        REQUIRE(socket_.recv(from).has_value());
        REQUIRE(socket_.recv(question).has_value());
        socket_.send(from, zmq::send_flags::sndmore);
        socket_.send(zmq::const_buffer(answer.data(), answer.size()), zmq::send_flags::none);
    }

private:
    zmq::context_t context_;
    zmq::socket_t socket_{context_, zmq::socket_type::router};
};

/// Takes connections at a port and drops them; counts them.
class drops_all {
public:
    drops_all() {
        REQUIRE(listener_ >= 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&at), size) == 0);
        REQUIRE(::listen(listener_, 16) == 0);
        REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
        port_ = ntohs(at.sin_port);
        thread_ = std::thread([this] {
            for (int one; (one = ::accept(listener_, nullptr, nullptr)) >= 0; ++taken_) {
                ::close(one);
            }
        });
    }
    drops_all(const drops_all&) = delete;
    drops_all& operator=(const drops_all&) = delete;
    ~drops_all() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    [[nodiscard]] std::string endpoint() const {
        return "tcp://127.0.0.1:" + std::to_string(port_);
    }
    [[nodiscard]] int taken() const { return taken_; }

private:
    int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int port_ = 0;
    std::atomic<int> taken_{0};
    std::thread thread_;
};

}  // namespace

TEST_CASE("a manager is not taken for a parkserver that says what cannot be read (F8)") {
    const maus::manager manager("tcp://127.0.0.1:*");
    const std::string told = manager.endpoint() + ": this is a manager, not a parkserver";
    const outcome ended = run("maus", {"status", "-p", manager.endpoint(), "--timeout", "30000"});
    CHECK(ended.code == failed);
    CHECK_THAT(ended.err, maus_test::has_text(told));
    program worker("maus-demo", {"job-worker", "-p", manager.endpoint()});
    CHECK(worker.says(told));
    worker.signal(SIGTERM);
    CHECK(worker.wait() == good);
}

TEST_CASE("who takes connections and drops them is asked ever more rarely") {
    const drops_all there;
    const outcome ended = run("maus", {"status", "-p", there.endpoint(), "--timeout", "3000"});
    CHECK(ended.code == failed);
    CHECK_THAT(ended.err, maus_test::has_text("no parkserver answers at"));
    CHECK(there.taken() > 1);
    CHECK(there.taken() < 20);  // without rests that grow 30, if the machine is not busy
}

TEST_CASE("what peers chose is ASCII in JSON, and can be read back") {
    const auto status = hostile_status();
    for (const int indent : {-1, 2}) {
        const std::string text = status_json(status, indent);
        INFO(text);
        CHECK(is_plain(text));
        const auto read = ordered_json::parse(text);
        CHECK(read["workers"][0]["host"].get<std::string>().starts_with("a\x1b[31m\x7f\xC2\x9B"));
        CHECK(read["leases"].size() == 1);
    }
    std::ostringstream functions;
    maus::cli::write_functions_json(functions, status, "");
    CHECK(is_plain(functions.str()));
}

TEST_CASE("what peers chose cannot give a terminal orders") {
    const auto status = hostile_status();
    for (const std::string& text :
         {maus::cli::status_text(status, where), maus::cli::functions_text(status, where, "")}) {
        INFO(text);
        CHECK_THAT(text, maus_test::has_text("a?[31m?????\xF0\x9F\x90\xAD?"));
        for (const char* order :
             {"\x1b", "\x7f", "\xC2\x9B", "\xE2\x80\xAE", "\xE2\x81\xA6", "\xD8\x9C"}) {
            CHECK(text.find(order) == std::string::npos);
        }
    }
}

TEST_CASE("a status in JSON looks as if it had been written whole") {
    for (const auto& status : {parkserver_status{}, pairs(3)}) {
        for (const int indent : {-1, 2}) {
            const std::string text = status_json(status, indent);
            CHECK(text == ordered_json::parse(text).dump(indent) + '\n');
        }
    }
}

TEST_CASE("a status in JSON is written an entry at a time") {
    meter written;
    std::ostream to(&written);
    maus::cli::write_status_json(to, pairs(2000), where, 2);
    CHECK(written.bytes > 500'000);
    CHECK(written.most < 1000);
}

// As one object of nlohmann's it was 2.7 GiB.
TEST_CASE("the JSON of 100,000 managers and as many workers takes little memory (F49)") {
    answers_once park;
    maus_test::process asks(MAUS_BIN_DIR "/maus",
                            {"status", "--json", "-p", park.endpoint(), "--timeout", "300000"});
    const auto answer = wire_status(100'000);
    park.serve(maus::base::as_text(answer.first.view()));
    // It has what it needs when it begins to print, or needs more while it does.
    std::size_t bytes = 0, lines = 0, most = 0;
    while (const auto line = asks.line()) {
        bytes += line->size() + 1;
        if (lines++ % 10'000 == 0) most = std::max(most, peak_of(asks.pid()));
    }
    CHECK(asks.wait() == good);
    CHECK(bytes > 60 * mib);
    CAPTURE(bytes / mib, answer.first.size() / mib);
    CHECK(most / mib > 0);
    CHECK(most / mib < sanitizer * 256);
}

TEST_CASE("a status of 100,000 managers and as many workers is text all the same") {
    const std::string text = maus::cli::status_text(pairs(100'000), where);
    CHECK_THAT(text.substr(0, 200), maus_test::has_text("workers (100,000)\n"));
    CHECK(std::count(text.begin(), text.end(), '\n') > 300'000);
}

TEST_CASE("a status tells of each waiting request why it waits") {
    using std::chrono::seconds;
    parkserver_status now;
    const auto add = [&](std::size_t count, const std::string& type, maus::worker_state state) {
        for (; count != 0; --count)
            now.workers.push_back({"w", 1, type, {}, 1, state, {}, {}, "host", 7, {}});
    };
    add(3, "gpu", maus::worker_state::available);
    add(5, "gpu", maus::worker_state::leased);
    add(1, "gpu", maus::worker_state::offered);
    add(1, "gpu", maus::worker_state::occupied);
    add(9, "cpu", maus::worker_state::available);
    // manager, number, type, amount, serving, age, min, max, share
    const std::tuple<parkserver_status::request, std::string> rows[] = {
        {{"m", 1, "gpu", 4, 0, seconds{9}, 0, 0, 0},
         "wants 4 of type gpu: 3 free, 2 held by elastic managers above their minimum"},
        {{"m", 2, "gpu", 4, 1, seconds{8}, 0, 0, 0},
         "wants 3 more of type gpu: 3 free, 2 held by elastic managers above their minimum; "
         "an older request comes first"},
        {{"m", 3, "gpu", 1, 3, seconds{7}, 1, 0, 2}, ""},
        {{"m", 4, "gpu", 2, 2, seconds{7}, 0, 0, 0}, ""},
        {{"m", 5, "cpu", 10, 9, seconds{6}, 10, 20, 9}, "wants 1 more of type cpu: 9 free"},
        {{"m", 6, "a\x1b", 1'000, 0, seconds{5}, 0, 0, 0}, "wants 1,000 of type a?: 0 free"},
        {{"m", 7, "tpu", 0, 0, seconds{5}, 0, 0, 0}, "wants 1 of type tpu: 0 free"},
    };
    for (const auto& [request, why] : rows) now.requests.push_back(request);
    const auto in_json = ordered_json::parse(status_json(now, -1))["requests"];
    const std::string as_text = maus::cli::status_text(now, where);
    REQUIRE(in_json.size() == std::size(rows));
    for (const auto& [request, why] : rows) {
        INFO("request " << request.number);
        CHECK(maus::cli::reasons(now).of(request) == why);
        CHECK(in_json[request.number - 1]["why"] ==
              (why.empty() ? ordered_json() : ordered_json(why)));
        CHECK_THAT(as_text, maus_test::has_text(why));
    }
}

TEST_CASE("a parkserver of another version is told by both versions") {
    answers_once other;
    program asks("maus", {"status", "-p", other.endpoint(), "--timeout", "60000"});
    other.serve(std::string("MAU\7\1\x49\0\0", 8));
    CHECK(asks.wait() == failed);
    CHECK_THAT(asks.err(),
               maus_test::has_text("it speaks version 7 of the protocol, this program version 1"));
}
