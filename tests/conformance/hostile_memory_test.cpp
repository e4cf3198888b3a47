// Peers that would make a process use memory without bound, or keep it from others: against a parkserver
// in a process of its own, whose resident memory is measured, while a manager and a worker go on with
// their calls through it.
#include "catch.hpp"

#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "raw_tcp.hpp"
#include "real.hpp"
#include "support/process.hpp"
#include "support/scratch.hpp"

using namespace spec;

namespace {

// What one adds to each allocation, and keeps of freed ones.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t sanitizer = 4;
#elif defined(__SANITIZE_THREAD__)
constexpr std::size_t sanitizer = 8;  // it remembers four uses of each 8 bytes, in 32 and more
#else
constexpr std::size_t sanitizer = 1;
#endif
constexpr std::size_t mib = std::size_t{1} << 20;

/// A process of its own, whose memory is measured.
struct measured {
    maus_test::process process;
    std::string ready;  // what it says then
    measured(const std::string& program, std::vector<std::string> arguments)
        : process(MAUS_BIN_DIR "/tests/" + program, std::move(arguments)) {
        const auto line = process.line_with("ready");
        if (!line) throw std::runtime_error(program + " did not start");
        ready = *line;
    }
    /// What it has in memory from here on is its peers'.
    void begin() { before_ = peak(); }
    /// 64 MiB more are for what comes between two looks, and for the allocator.
    void check_growth(std::size_t bytes_max) const {
        CHECK((peak() - before_) / mib < sanitizer * (bytes_max / mib + 64));
    }

private:
    std::size_t before_ = 0;
    /// The most that it ever had in memory.
    [[nodiscard]] std::size_t peak() const {
        std::ifstream file("/proc/" + std::to_string(process.pid()) + "/status");
        std::size_t kib = 0;
        for (std::string word; file >> word;) {
            if (word == "VmHWM:") file >> kib;
        }
        return kib << 10;
    }
};

struct park_process : measured {
    std::string endpoint;
    explicit park_process(std::vector<std::string> more = {},
                          const std::string& place = "tcp://127.0.0.1:*")
        : measured("live_parkserver", with_place(std::move(more), place)), endpoint(ready) {}
    [[nodiscard]] bool knows(const id& worker) const {
        dealer asking(endpoint);
        asking.say(status_query{});
        for (const auto& each : asking.hear_next<status>().workers) {
            if (each.worker == worker) return true;
        }
        return false;
    }

private:
    static std::vector<std::string> with_place(std::vector<std::string> more,
                                               const std::string& place) {
        more.insert(more.end(), {"--bind", place, "--liveness", "60"});
        return more;
    }
};

/// A manager without an address and a worker: calls through the parkserver, one after the other.
class good_client {
public:
    explicit good_client(const std::string& parkserver) {
        worker_.worker.register_parkserver(parkserver);
        worker_.worker.start();
        manager_.connect_parkserver(parkserver);
        workers_ = manager_.get_workers({.amount = 1});
        calls_ = std::thread([this] {
            for (int i = 0; !done_; ++i) {
                auto sum = workers_.call<int>("add", i, 1);
                if (!sum.wait_for(patience) || sum.get() != i + 1) return;
                ++answered_;
            }
            all_answered_ = true;
        });
        go_on();
    }
    ~good_client() { (void)finish(); }
    /// Waits for a few more answers.
    void go_on() {
        const int before = answered_;
        CHECK(eventually([&] { return answered_ >= before + 5; }));
    }
    [[nodiscard]] bool finish() {
        done_ = true;
        if (calls_.joinable()) calls_.join();
        return all_answered_ && manager_.metrics().workers_lost == 0;
    }

private:
    real_worker worker_{heartbeat<maus::worker_options>()};
    maus::manager manager_{heartbeat<maus::manager_options>()};
    maus::worker_group workers_;
    std::thread calls_;
    std::atomic<bool> done_ = false;
    std::atomic<bool> all_answered_ = false;
    std::atomic<int> answered_ = 0;

    template <class Options>
    static Options heartbeat() {
        Options options;
        options.heartbeat = {1000ms, 60};
        return options;
    }
};

/// A peer that has shaken hands and registered.
raw_tcp peer_of(const park_process& park, const register_worker& self) {
    raw_tcp peer(park.endpoint);
    REQUIRE(peer.shake_hands());
    REQUIRE(peer.write(raw_tcp::frame(control(self).front())));
    REQUIRE(peer.read_frame().starts_with(header(on_control, registered::type_number)));
    return peer;
}
/// One that has shaken hands, and perhaps registered.
raw_tcp peer_of(const park_process& park, bool is_registered) {
    if (is_registered) return peer_of(park, register_worker{});
    raw_tcp peer(park.endpoint);
    REQUIRE(peer.shake_hands());
    return peer;
}

std::string times(std::size_t count, const std::string& text) {
    std::string many;
    many.reserve(count * text.size());
    while (count-- > 0) many += text;
    return many;
}

}  // namespace

TEST_CASE("P-88: a peer of messages with too many frames is cut off, and nobody waits for it") {
    const bool is_registered = GENERATE(false, true);
    const std::size_t frames_of_each = GENERATE(std::size_t{70}, std::size_t{400'000});
    CAPTURE(is_registered, frames_of_each);
    park_process park;
    good_client good(park.endpoint);
    park.begin();
    auto bad = peer_of(park, is_registered);
    const std::string message =
        times(frames_of_each - 1, raw_tcp::frame("", 1)) + raw_tcp::frame("");
    const std::size_t enough = 40'000'000 / frames_of_each;
    std::size_t written = 0;
    while (written < enough && bad.write(message)) ++written;
    CHECK(written < enough);
    CHECK(bad.is_closed());
    good.go_on();
    CHECK(good.finish());
    park.check_growth(256 * mib);
}

TEST_CASE(
    "P-64: a peer that does nothing but break the protocol is cut off, and nobody waits for it") {
    const bool is_registered = GENERATE(false, true);
    CAPTURE(is_registered);
    park_process park;
    good_client good(park.endpoint);
    std::vector<raw_tcp> all;
    for (int i = 0; i < 100; ++i) {
        register_worker self;
        self.worker = fresh_id();
        all.push_back(is_registered ? peer_of(park, self) : peer_of(park, false));
    }
    const std::string bad = times(5000, raw_tcp::frame(header(on_control, 1) + "junk"));
    for (auto& each : all) (void)each.write(bad);
    for (auto& each : all) CHECK(each.is_closed());
    good.go_on();
    CHECK(good.finish());
}

TEST_CASE("P-89: a message without end ends with its connection, long before the memory does") {
    const bool is_registered = GENERATE(false, true);
    const std::size_t frame_bytes = GENERATE(std::size_t{0}, std::size_t{64}, std::size_t{1} << 16);
    const bool over_ipc = GENERATE(false, true);
    CAPTURE(is_registered, frame_bytes, over_ipc);
    const maus_test::scratch_folder here;
    park_process park({}, over_ipc ? "ipc://" + here.path() + "/park" : "tcp://127.0.0.1:*");
    good_client good(park.endpoint);
    park.begin();
    auto endless = peer_of(park, is_registered);
    const std::string frame = raw_tcp::frame(std::string(frame_bytes, 'x'), 1);
    const std::string chunk = times(mib / frame.size() + 1, frame);
    // A frame costs libzmq 64 bytes at least: each of these is more than 1 GiB.
    const std::size_t enough = (frame_bytes == 0 ? 40 : 1200) * mib;
    std::size_t written = 0;
    while (written < enough && endless.write(chunk)) written += chunk.size();
    CHECK(written < enough);
    CHECK(endless.is_closed());
    good.go_on();
    CHECK(good.finish());
    park.check_growth(256 * mib);
}

// Not a socket of libzmq's: that reads, and one that does not read does not see a reset.
TEST_CASE("P-90: what waits for a peer that does not read is bounded: many small answers") {
    park_process park({"--queued-mib", "32"});
    good_client good(park.endpoint);
    register_worker self;
    self.interval_ms = 3'600'000;
    auto deaf = peer_of(park, self);
    park.begin();
    const std::string chunk = times(100, raw_tcp::frame(control(ping{}).front()));
    for (int i = 0; i < 30'000 && deaf.write(chunk); ++i) {
    }
    // Whether it could ask all that before it was cut off, or not.
    CHECK(eventually([&] { return !park.knows(self.worker); }));
    good.go_on();
    CHECK(good.finish());
    park.check_growth(32 * mib);
}

TEST_CASE("P-90: what waits for a peer that does not read is bounded: relayed messages") {
    // One large frame, or as many as there may be that are small enough to be copied.
    const frames message = GENERATE(frames{bytes(mib, 'x')}, frames(64, bytes(4000, 'x')));
    park_process park;
    good_client good(park.endpoint);
    register_worker self;
    self.interval_ms = 3'600'000;
    self.type = "deaf";
    auto deaf = peer_of(park, self);
    fake_manager manager;
    manager.self.endpoints.clear();
    manager.enroll(park.endpoint);
    manager.ask_for(1, self.type);
    const auto offer = decoded<assign>(deaf.read_frame().substr(8));
    REQUIRE(deaf.write(raw_tcp::frame(control(accepted{offer.lease}).front())));
    REQUIRE(manager.park->hear<granted>().lease == offer.lease);
    park.begin();
    const frames large = relayed(offer.lease, message);
    for (int i = 0; i < 2'000; ++i) {
        manager.park->send(large);
        // What has not been read yet is no part of what waits for the peer, but of the process: 16 MiB at most.
        if (i % 16 == 0) manager.park->sync();
    }
    CHECK(eventually([&] { return !park.knows(self.worker); }));
    good.go_on();
    CHECK(good.finish());
    park.check_growth(256 * mib);
}

// A manager by hand: it accepts a worker, sends it calls, and reads nothing.
TEST_CASE("P-90: a worker's results for a manager that does not read are bounded") {
    raw_listener manager;
    measured worker("live_worker", {"--connect", manager.endpoint(), "--liveness", "60"});
    auto deaf = manager.accept();
    REQUIRE(deaf.shake_hands("ROUTER"));
    const auto said = read_link_message({deaf.read_frame()});
    REQUIRE(said.size() == 1);
    const auto functions = decoded<hello>(said[0].body).signatures;
    const auto blob = std::find(functions.begin(), functions.end(), "blob(u32)->str");
    REQUIRE(blob != functions.end());
    welcome yes;
    yes.liveness = 100;
    yes.stamp = decoded<hello>(said[0].body).stamp;
    REQUIRE(deaf.write(raw_tcp::frame(link_message({to_record(r_welcome, yes)}).front())));
    worker.begin();
    const auto number = static_cast<u16>(blob - functions.begin());
    for (u64 call = 1; call <= 2'000; ++call) {
        const auto one = a_call({call, 1}, number, payload(u32{1} << 20));
        if (!deaf.write(raw_tcp::frame(link_message({one}).front()))) break;
    }
    // It gives the manager up, and tries anew.
    auto again = manager.accept();
    worker.check_growth(256 * mib);
}

TEST_CASE("P-91: with few descriptors left, who comes is sent away, and may come later") {
    const park_process park({"--descriptors", "96"});
    good_client good(park.endpoint);
    std::vector<raw_tcp> held;
    bool turned_away = false;
    while (!turned_away && held.size() < 96) {
        raw_tcp next(park.endpoint);
        turned_away = !next.shake_hands() ||
                      !next.write(raw_tcp::frame(control(register_worker{}).front())) ||
                      next.read(10).size() != 10;
        if (turned_away) CHECK(next.is_closed());
        if (!turned_away) held.push_back(std::move(next));
    }
    CHECK(turned_away);
    CHECK(held.size() > 10);
    good.go_on();
    held.clear();
    CHECK(eventually([&] {
        raw_tcp again(park.endpoint);
        return again.shake_hands();
    }));
    good.go_on();
    CHECK(good.finish());
}
