// maus map while stdin is silent, while a line is slow, and where an input or output is not there.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>

#include <maus/worker.hpp>

#include "programs/program.hpp"

using namespace programs;

namespace {

/// A parkserver, and a worker in this process.
struct mapped {
    parkserver park;
    std::promise<void> gate;
    std::shared_future<void> opened{gate.get_future()};
    std::atomic<std::uint64_t> answered{0};
    maus::worker worker{{.concurrency = 2}};
    maus_test::scratch_folder folder;

    mapped() {
        worker.expose("half", [](int x) {
            if (x % 2 != 0) throw std::invalid_argument("odd: " + std::to_string(x));
            return x / 2;
        });
        // 0 and less wait for the gate; less fails.
        worker.expose("same", [this](int x) {
            if (x <= 0) opened.wait();
            ++answered;
            if (x < 0) throw std::invalid_argument("negative");
            return x;
        });
        worker.register_parkserver(park.endpoint());
        worker.start();
        REQUIRE(eventually([this] {
            return run("maus", park.asked({"functions"})).out.find("same(i32)->i32") !=
                   std::string::npos;
        }));
    }
    [[nodiscard]] words map(words more) const {
        more.insert(more.begin(), {"map", "-p", park.endpoint()});
        return more;
    }
};

/// A pipe of which a program gets one end, and we keep the other.
class shared_pipe {
public:
    explicit shared_pipe(int ours) : ours_(ours) {
        REQUIRE(::pipe(ends_) == 0);
        ::fcntl(ends_[ours_], F_SETFD, FD_CLOEXEC);
    }
    shared_pipe(const shared_pipe&) = delete;
    shared_pipe& operator=(const shared_pipe&) = delete;
    ~shared_pipe() {
        close_ours();
        ::close(ends_[1 - ours_]);
    }
    [[nodiscard]] std::string theirs() const { return std::to_string(ends_[1 - ours_]); }
    void write(const std::string& text) {
        REQUIRE(::write(ends_[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    }
    void close_ours() {
        if (ends_[ours_] >= 0) ::close(ends_[ours_]);
        ends_[ours_] = -1;
    }

private:
    int ours_;
    int ends_[2] = {-1, -1};
};
constexpr int reading_end = 0, writing_end = 1;

[[nodiscard]] bool ends(program& one) {
    return eventually([&] { return !one.alive(); });
}

}  // namespace

TEST_CASE(
    "maus map reads on behind a slow line only as far as there is room for results that wait") {
    constexpr int lines_max = 16 * 1024, lines = 3 * lines_max;
    mapped all;
    std::string numbers;
    for (int i = 0; i < lines; ++i) numbers += std::to_string(i) + "\n";
    std::ofstream(all.folder.file("in")) << numbers;
    program map("maus", all.map({"same"}), "<" + all.folder.file("in"));
    REQUIRE(eventually([&] { return all.answered >= lines_max - 1; }));
    // Without a bound the rest is through before this is.
    for (int i = 0; i < 10; ++i) {
        CHECK(run("maus", all.park.asked({"functions"})).code == good);
    }
    CHECK(all.answered == lines_max - 1);
    CHECK(map.out().empty());
    all.gate.set_value();
    CHECK(map.wait() == good);
    CHECK(map.out() == numbers);
    CHECK(map.err().empty());
}

TEST_CASE("maus map ends at the first failure though stdin is silent") {
    mapped all;
    shared_pipe input(writing_end);
    const auto [line, told] = GENERATE(std::pair{"3\n", "half: remote_exception: "},
                                       std::pair{"bad\n", "no JSON at byte"});
    program map("maus", all.map({"half"}), "<&" + input.theirs());
    input.write(line);
    REQUIRE(ends(map));
    CHECK(map.wait() == failed);
    CHECK_THAT(map.err(), maus_test::has_text(std::string("maus map: line 1: ")));
    CHECK_THAT(map.err(), maus_test::has_text(told));
    CHECK_THAT(map.err(), maus_test::has_text("go on with --skip 0"));
}

TEST_CASE("maus map writes the results before a line that fails, and goes on from there") {
    mapped all;
    // The second is told of both: the earlier one is what ends it.
    const auto [lines, out, told, skip] =
        GENERATE(std::tuple{"0\n7\nbad\n9\n", "0\n7\n", "line 3: no", "go on with --skip 2\n"},
                 std::tuple{"7\n-1\n8\nbad\n9\n", "7\n", "line 2: same", "go on with --skip 1\n"});
    std::ofstream(all.folder.file("in")) << lines;
    program map("maus", all.map({"same"}), "<" + all.folder.file("in"));
    CHECK(map.says("no JSON at byte"));
    CHECK(map.alive());  // for a line before is not done
    all.gate.set_value();
    REQUIRE(ends(map));
    CHECK(map.wait() == failed);
    CHECK(map.out() == out);
    CHECK_THAT(map.err(), maus_test::has_text(skip));
    CHECK_THAT(map.err(), maus_test::has_text(std::string("maus map: ") + told));
}

TEST_CASE(
    "maus map ends quietly where stdout's reader is gone, SIGPIPE is ignored and stdin silent") {
    mapped all;
    shared_pipe input(writing_end), output(reading_end);
    output.close_ours();
    words typed_in{"-c", "trap '' PIPE; exec \"$0\" \"$@\"", MAUS_BIN_DIR "/maus"};
    for (const auto& each : all.map({"half"})) typed_in.push_back(each);
    program map("/bin/bash", typed_in, "<&" + input.theirs() + " >&" + output.theirs());
    input.write("2\n");
    REQUIRE(ends(map));
    CHECK(map.wait() == failed);
    CHECK(map.err().empty());
}

TEST_CASE("maus map is stopped by a signal, and tells how to go on") {
    mapped all;
    shared_pipe input(writing_end);
    program map("maus", all.map({"half"}), "<&" + input.theirs());
    input.write("2\n4\n");
    REQUIRE(eventually([&] { return map.out() == "1\n2\n"; }));
    map.signal(SIGTERM);
    REQUIRE(ends(map));
    CHECK(map.wait() == failed);
    CHECK(map.err() == "maus map: stopped; go on with --skip 2\n");
}

TEST_CASE("maus map asks for as many workers as it can use, now or later") {
    mapped all;
    shared_pipe input(writing_end);
    const auto [more, max] = GENERATE(std::pair{words{"--jobs", "7"}, 7}, std::pair{words{}, 0});
    words typed_in{"same"};
    typed_in.insert(typed_in.end(), more.begin(), more.end());
    program map("maus", all.map(typed_in), "<&" + input.theirs());
    input.write("1\n");
    REQUIRE(eventually([&] { return map.out() == "1\n"; }));
    const auto requests = run_json("maus", all.park.asked({"status", "--json"}))["requests"];
    INFO(requests);
    REQUIRE(requests.size() == 1);
    CHECK(requests[0]["min"] == 1);
    CHECK(requests[0]["max"] == max);
    input.close_ours();
    CHECK(map.wait() == good);
}

TEST_CASE("maus map does not take what it cannot read for the end") {
    mapped all;
    const auto [redirect, told] =
        GENERATE_REF(std::pair{"<" + all.folder.path(), "cannot read stdin: Is a directory"},
                     std::pair{std::string("<&-"), "cannot read stdin: Bad file descriptor"});
    program map("maus", all.map({"half"}), redirect);
    REQUIRE(ends(map));
    CHECK(map.wait() == failed);
    CHECK(map.out().empty());
    CHECK_THAT(map.err(), maus_test::has_text(told));
}

TEST_CASE("what a program opens takes no standard descriptor's number") {
    const parkserver there({"--bind", "tcp://127.0.0.1:*"}, "<&-");
    program park("maus-parkserver", {"--bind", "tcp://127.0.0.1:*"}, "<&- 2>&-");
    program worker("maus-demo", {"worker", "-p", there.endpoint()}, "<&-");
    REQUIRE(park.says(" ready at "));
    REQUIRE(worker.says("registered with parkserver"));
    for (const auto& [each, fd] :
         {std::pair{&park, "/fd/0"}, std::pair{&park, "/fd/2"}, std::pair{&worker, "/fd/0"}}) {
        CHECK(std::filesystem::read_symlink("/proc/" + std::to_string(each->pid()) + fd) ==
              "/dev/null");
    }
    for (program* each : {&park, &worker}) {
        each->signal(SIGTERM);
        REQUIRE(ends(*each));
        CHECK(each->wait() == good);
    }
    const outcome closed = run("maus", there.asked({"functions"}), ">&-");
    CHECK(closed.code == failed);
    CHECK_THAT(closed.err, maus_test::has_text("cannot write the output"));
}
