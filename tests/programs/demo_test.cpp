// maus-demo: the job with its losses, the examples of the README, and no process left behind.
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "programs/program.hpp"

using namespace programs;
using nlohmann::json;

namespace {

/// While it lives, processes that their parent leaves behind become ours, so that none escapes us.
class orphanage {
public:
    orphanage() { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
    ~orphanage() { ::prctl(PR_SET_CHILD_SUBREAPER, 0); }
    orphanage(const orphanage&) = delete;
    orphanage& operator=(const orphanage&) = delete;

    /// True if we have no child at all, be it ours or adopted.
    [[nodiscard]] bool is_empty() const {
        return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
    }
    /// How an adopted process ended: its exit code, or minus a signal.
    [[nodiscard]] std::optional<int> end_of(pid_t which) const {
        int status = 0;
        if (!eventually([&] { return ::waitpid(which, &status, WNOHANG) == which; })) return {};
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }
};

/// They are blocked then, and read by a thread.
bool waits_for_signals(pid_t process) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with("SigBlk:")) continue;
        return (std::stoull(line.substr(7), nullptr, 16) & (1ull << (SIGINT - 1))) != 0;
    }
    return false;
}

/// A port where connections are taken, and nothing is said.
class says_nothing {
public:
    says_nothing() {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        auto* const place = reinterpret_cast<sockaddr*>(&at);
        REQUIRE(::bind(listener_, place, size) == 0);
        REQUIRE(::listen(listener_, 16) == 0);
        REQUIRE(::getsockname(listener_, place, &size) == 0);
        endpoint_ = "tcp://127.0.0.1:" + std::to_string(ntohs(at.sin_port));
    }
    says_nothing(const says_nothing&) = delete;
    says_nothing& operator=(const says_nothing&) = delete;
    ~says_nothing() {
        ::close(taken_);
        ::close(listener_);
    }
    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
    /// Whether somebody has come.
    [[nodiscard]] bool take() {
        pollfd who{listener_, POLLIN, 0};
        if (taken_ < 0 && ::poll(&who, 1, 0) == 1) taken_ = ::accept(listener_, nullptr, nullptr);
        return taken_ >= 0;
    }
    /// Whether who has come has gone again.
    [[nodiscard]] bool is_left() const {
        pollfd who{taken_, POLLRDHUP, 0};
        return ::poll(&who, 1, 0) == 1;
    }

private:
    int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int taken_ = -1;
    std::string endpoint_;
};

constexpr std::uint64_t files = 200, lines_a_file = 250;

/// Files of which we know what is in them: three words a line.
void write_texts(const maus_test::scratch_folder& to) {
    std::string text;
    for (std::uint64_t i = 0; i < lines_a_file; ++i) text += "maus calls Maus, 1729\n";
    for (std::uint64_t i = 0; i < files; ++i) {
        std::ofstream(to.file("text" + std::to_string(i))) << text;
    }
    std::ofstream(to.file("binary"), std::ios::binary) << std::string("maus\0maus", 9);
}

const std::string examples_say =
    "add(1, 1) = 2\n"
    "add(2, 3) by name = 5\n"
    "divide(1, 8) = 0.125\n"
    "divide(1, 0): divide: remote_exception: std::domain_error: division by zero\n"
    "add(\"one\", \"two\"): add: signature_mismatch: called as add(str,str)->str, but the workers "
    "expose add(i32,i32)->i32\n"
    "fib(0) to fib(30) = 0 1 1 2 3 5 8 ";

}  // namespace

TEST_CASE("wordcount with a worker killed on the way has the right totals and leaves nobody") {
    const orphanage left_behind;
    const maus_test::scratch_folder folder;
    write_texts(folder);
    const json done = run_json("maus-demo", {"wordcount", "--workers", "2", "--kill", "1",
                                             "--check", "--json", "--top", "2", folder.path()});
    INFO(done.dump(2));
    CHECK(left_behind.is_empty());
    CHECK(done["files"] == files);
    CHECK(done["binary_files"] == 1);
    CHECK(done["words"] == files * lines_a_file * 3);
    CHECK(done["distinct"] == 3);
    CHECK(done["top"] == json::array({{{"word", "Maus"}, {"times", files * lines_a_file}},
                                      {{"word", "calls"}, {"times", files * lines_a_file}}}));
    CHECK(done["check"]["same"] == true);
    REQUIRE(done["killed"].size() == 1);
    std::uint64_t calls = 0, words_counted = 0;
    for (const auto& worker : done["workers"]) {
        calls += worker["calls"].get<std::uint64_t>();
        words_counted += worker["words"].get<std::uint64_t>();
        CHECK(worker["killed"] == (worker["pid"] == done["killed"][0]));
    }
    CHECK(done["workers"].size() == 2);
    CHECK(calls == done["calls"]);  // each call once, whoever was killed
    CHECK(words_counted == done["words"]);
}

TEST_CASE("a picture drawn by workers, one of them killed on the way, is that of one process") {
    const orphanage left_behind;
    const maus_test::scratch_folder folder;
    const json done =
        run_json("maus-demo", {"picture", "--width", "320", "--workers", "2", "--kill", "1",
                               "--check", "--json", "--output", folder.file("set.pgm")});
    INFO(done.dump(2));
    CHECK(left_behind.is_empty());
    CHECK(done["pixels"] == 320 * 240);
    CHECK(done["check"]["same"] == true);
    CHECK(done["check"]["differences"] == json::array());
    CHECK(done["check"]["speed_up"].get<double>() ==
          Approx(done["check"]["seconds"].get<double>() / done["seconds"].get<double>()));
    REQUIRE(done["killed"].size() == 1);
    std::uint64_t calls = 0, pixels = 0;
    for (const auto& worker : done["workers"]) {
        calls += worker["calls"].get<std::uint64_t>();
        pixels += worker["pixels"].get<std::uint64_t>();
        CHECK(worker["killed"] == (worker["pid"] == done["killed"][0]));
    }
    CHECK(calls == 48);  // 8 x 6 tiles
    CHECK(pixels == done["pixels"]);

    std::ifstream file(folder.file("set.pgm"), std::ios::binary);
    const std::string drawn{std::istreambuf_iterator<char>(file), {}};
    const std::string head = "P5\n320 240\n255\n";
    REQUIRE(drawn.size() == head.size() + 320 * 240);
    CHECK(drawn.starts_with(head));
    const auto at = [&](std::size_t x, std::size_t y) { return drawn[head.size() + y * 320 + x]; };
    CHECK(at(240, 120) == 0);  // 0 is in the set
    CHECK(at(0, 0) != 0);
    for (std::size_t x = 0; x < 320; ++x) CHECK(at(x, 0) == at(x, 239));  // it is symmetric
}

TEST_CASE("the picture's last line tells how much faster the workers were") {
    const outcome plain =
        run("maus-demo", {"picture", "--width", "320", "--workers", "2", "--kill", "1", "--check"});
    INFO(plain.out << plain.err);
    CHECK(plain.code == good);
    CHECK_THAT(plain.out, maus_test::has_text("320 x 240 pixels, on 2 workers\n"));
    CHECK_THAT(plain.out, maus_test::has_text("check: the same pixels as one process alone\n"));
    const std::string last = plain.out.substr(plain.out.rfind('\n', plain.out.size() - 2) + 1);
    CHECK(last.starts_with("2 workers, 1 of them killed on the way: "));
    CHECK_THAT(last, maus_test::has_text(" times as fast as one process ("));
}

TEST_CASE("a picture that cannot be written is a failure") {
    const maus_test::scratch_folder folder;
    for (const std::string& place : {folder.file("missing/set.pgm"), std::string("/dev/full")}) {
        const outcome ended =
            run("maus-demo", {"picture", "--width", "64", "--workers", "1", "--output", place});
        CHECK(ended.code == failed);
        CHECK_THAT(ended.err, maus_test::has_text("cannot write " + place));
    }
}

TEST_CASE("primes streamed by workers, one of them killed on the way, are those of one process") {
    const orphanage left_behind;
    const json done = run_json("maus-demo", {"primes", "--to", "1000000", "--workers", "2",
                                             "--kill", "1", "--check", "--json"});
    INFO(done.dump(2));
    CHECK(left_behind.is_empty());
    CHECK(done["primes"] == 78'498);
    CHECK(done["largest"] == 999'983);
    CHECK(done["twins"] == 8'169);
    CHECK(done["gap"] == 114);
    CHECK(done["gap_after"] == 492'113);
    CHECK(done["check"]["same"] == true);
    REQUIRE(done["killed"].size() == 1);
    std::uint64_t calls = 0, numbers = 0;
    for (const auto& worker : done["workers"]) {
        calls += worker["calls"].get<std::uint64_t>();
        numbers += worker["numbers"].get<std::uint64_t>();
        CHECK(worker["killed"] == (worker["pid"] == done["killed"][0]));
    }
    CHECK(calls == done["calls"]);
    CHECK(numbers == 1'000'000);
}

TEST_CASE("primes are found whatever their number") {
    // To the last stretch that a function gives at a time, and one behind it.
    for (const auto& [to, primes, largest] : {std::tuple<const char*, int, int>{"10", 4, 7},
                                              {"65536", 6'542, 65'521},
                                              {"65538", 6'543, 65'537}}) {
        const outcome plain = run("maus-demo", {"primes", "--to", to, "--workers", "1", "--check"});
        INFO(plain.out << plain.err);
        CHECK(plain.code == good);
        const json done = run_json("maus-demo", {"primes", "--to", to, "--workers", "1", "--json"});
        CHECK(done["primes"] == primes);
        CHECK(done["largest"] == largest);
        CHECK_THAT(plain.out, maus_test::has_text("check: the same primes as one process alone\n"));
    }
}

TEST_CASE("integrate passes a lambda, and a worker killed on the way changes nothing") {
    const orphanage left_behind;
    const json done = run_json("maus-demo", {"integrate", "--workers", "2", "--kill", "1",
                                             "--parabolas", "50", "--check", "--json"});
    INFO(done.dump(2));
    CHECK(left_behind.is_empty());
    CHECK(done["integral"].get<double>() == Approx(3.14159265358979));
    CHECK(done["check"]["same"] == true);
    CHECK(done["killed"].size() == 1);
    CHECK(done["calls"] == 64);
    // What was under way when the worker was killed is asked for again.
    CHECK(done["asked"] >= 64 * 101);
}

TEST_CASE("integrate passes the name of a function, and is asked for nothing") {
    for (const auto& [name, exact] :
         {std::pair{"pi", 3.14159265358979}, {"bell", 1.77245385090552}, {"sine", 2.0}}) {
        const json done = run_json("maus-demo", {"integrate", "--curve", name, "--by-name",
                                                 "--workers", "1", "--check", "--json"});
        INFO(done.dump(2));
        CHECK(done["curve"] == name);
        CHECK(done["integral"].get<double>() == Approx(exact));
        CHECK(done["asked"] == 0);
        CHECK(done["check"]["same"] == true);
    }
}

TEST_CASE("integrate tells people what it does") {
    const outcome plain =
        run("maus-demo", {"integrate", "--curve", "sine", "--workers", "1", "--check"});
    INFO(plain.out << plain.err);
    CHECK(plain.code == good);
    for (const auto& part :
         words{"integrating sin(x) on 1 worker\n",
               "the integral of sin(x) from 0 to 3.142 is 2.000000000000, off by ",
               "the workers asked this process for 64,064 values, in ",
               "check: the same integral as one process alone\n"}) {
        CHECK_THAT(plain.out, maus_test::has_text(part));
    }
    CHECK(run("maus-demo", {"integrate", "--curve", "nothing"}).code == usage);
}

TEST_CASE("a wordcount whose worker ends before the work begins goes on with the others") {
    const orphanage left_behind;
    const maus_test::scratch_folder folder;
    write_texts(folder);
    program job("maus-demo", {"wordcount", "--workers", "3", "--check", folder.path()});
    const auto children = [&] {
        const std::string pid = std::to_string(job.pid());
        std::ifstream list("/proc/" + pid + "/task/" + pid + "/children");
        std::vector<pid_t> found;
        for (pid_t each = 0; list >> each;) found.push_back(each);
        return found;
    };
    REQUIRE(eventually([&] { return children().size() == 3 || !job.alive(); }));
    const auto workers = children();
    REQUIRE(workers.size() == 3);
    ::kill(workers.front(), SIGKILL);
    CHECK(job.wait() == good);
    INFO(job.out() + job.err());
    CHECK_THAT(job.err(), maus_test::has_text("worker process " + std::to_string(workers.front()) +
                                              " has ended"));
    CHECK(left_behind.is_empty());
}

TEST_CASE("a demo that looks for its parkserver in vain can be stopped meanwhile") {
    const maus_test::scratch_folder folder;
    for (const std::string command :
         {"wordcount", "picture", "primes", "integrate", "manager", "worker"}) {
        program demo("maus-demo", {command, "-p", "ipc://" + folder.file("nobody")});
        REQUIRE(eventually([&] { return waits_for_signals(demo.pid()); }));
        demo.signal(SIGINT);
        CHECK(demo.wait() == (command == "worker" ? good : failed));
        CHECK(demo.err().find("no parkserver answers") == std::string::npos);
    }
}

TEST_CASE("a demo asks all its parkservers at once, and says of each why it was not reached") {
    const maus_test::scratch_folder folder;
    const std::string nobody = "ipc://" + folder.file("nobody");
    says_nothing first, second;
    program demo("maus-demo", {"wordcount", "-p", first.endpoint(), "-p", nobody, "-p",
                               second.endpoint(), "/usr/include"});
    CHECK(eventually([&] {
        const bool both = first.take();
        return second.take() && both;
    }));
    CHECK_FALSE(first.is_left());  // it is still waited for
    CHECK(demo.wait() == failed);
    INFO(demo.err());
    for (const auto& each : {first.endpoint(), nobody, second.endpoint()}) {
        CHECK_THAT(demo.err(), maus_test::has_text("at " + each));
    }
    CHECK_THAT(demo.err(), maus_test::has_text("no such file"));
}

TEST_CASE("a demo does without a parkserver that is dead, and says so") {
    const maus_test::scratch_folder folder;
    write_texts(folder);
    const std::string nobody = "ipc://" + folder.file("nobody");
    const parkserver park;
    const outcome done = run("maus-demo", {"wordcount", "--workers", "1", "-p", nobody, "-p",
                                           park.endpoint(), folder.path()});
    INFO(done.err);
    CHECK(done.code == good);
    CHECK_THAT(done.err, maus_test::has_text("the parkserver at " + nobody + " was not reached: "));
}

TEST_CASE("wordcount tells people what it does, and draws only on a terminal") {
    const maus_test::scratch_folder folder;
    write_texts(folder);
    const words arguments{"wordcount", "--workers", "2", "--kill", "1", "--check", folder.path()};
    const outcome plain = run("maus-demo", arguments);
    INFO(plain.out << plain.err);
    CHECK(plain.code == good);
    for (const auto& part : words{"counting the words of 201 files", "on 2 workers\n",
                                  "150,000 words, 3 distinct", "1 worker was killed on the way; ",
                                  "passed over: 1 binary", "check: the same totals"}) {
        CHECK_THAT(plain.out, maus_test::has_text(part));
    }
    CHECK_THAT(plain.err, maus_test::has_text("killed worker process"));
    CHECK((plain.out + plain.err).find('\x1b') == std::string::npos);

    const std::string command = MAUS_BIN_DIR "/maus-demo wordcount --workers 2 " + folder.path();
    const outcome drawn = run("/usr/bin/script", {"-qec", command, "/dev/null"});
    INFO(drawn.out << drawn.err);
    CHECK(drawn.code == good);
    CHECK_THAT(drawn.out, maus_test::has_text("\r\x1b[Kcounting  "));
}

TEST_CASE("wordcount works on a parkserver that is there, with its workers") {
    const maus_test::scratch_folder folder;
    write_texts(folder);
    const parkserver park;
    const program worker("maus-demo", {"word-worker", "-p", park.endpoint()});
    const json done =
        run_json("maus-demo", {"wordcount", "-p", park.endpoint(), "--json", folder.path()});
    INFO(done.dump(2));
    CHECK(done["words"] == files * lines_a_file * 3);
    REQUIRE(done["workers"].size() == 1);
    CHECK(done["workers"][0]["pid"] == worker.pid());
}

TEST_CASE("jobs, workers and managers take all the parkservers that they are given") {
    const maus_test::scratch_folder folder;
    auto first = std::make_unique<parkserver>();
    const parkserver second;
    const words both{"-p", first->endpoint(), "-p", second.endpoint()};
    const auto with_both = [&](const std::string& command) {
        words all{command};
        all.insert(all.end(), both.begin(), both.end());
        return all;
    };
    program worker("maus-demo", with_both("job-worker")), example("maus-demo", with_both("worker"));
    for (const parkserver* each : {const_cast<const parkserver*>(first.get()), &second}) {
        CHECK(eventually([&] {
            return run_json("maus", each->asked({"status", "--json"}))["workers"].size() == 2;
        }));
    }
    first.reset();  // one of the two is enough
    words draw = with_both("picture");
    draw.insert(draw.end(), {"--width", "64", "--json"});
    const outcome drawn = run("maus-demo", draw);
    CHECK(drawn.code == good);
    CHECK(json::parse(drawn.out)["workers"][0]["pid"] == worker.pid());
    CHECK_THAT(drawn.err, maus_test::has_text("was not reached"));  // and it says so
    CHECK(run("maus-demo", with_both("manager")).code == good);
}

TEST_CASE("a wordcount that is asked to stop says how far it came, and leaves nobody") {
    const orphanage left_behind;
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        program job("maus-demo", {"wordcount", "/usr/include"});
        REQUIRE(job.says("counting the words"));
        job.signal(number);
        CHECK(job.wait() == failed);
        CHECK_THAT(job.err(), maus_test::has_text("maus-demo wordcount: stopped, with "));
        CHECK(left_behind.is_empty());
    }
}

TEST_CASE("the workers of a wordcount that is killed die with it") {
    const orphanage left_behind;
    const parkserver park;
    program job("maus-demo",
                {"wordcount", "-p", park.endpoint(), "--workers", "2", "/usr/include"});
    json workers;
    REQUIRE(eventually([&] {
        workers = run_json("maus", park.asked({"status", "--json"}))["workers"];
        return workers.size() == 2;
    }));
    job.signal(SIGKILL);
    CHECK(job.wait() == -SIGKILL);
    for (const auto& each : workers) CHECK(left_behind.end_of(each["pid"]) == -SIGKILL);
}

TEST_CASE("the example manager calls the example worker, through a parkserver and directly") {
    const maus_test::scratch_folder folder;
    const std::string place = "ipc://" + folder.file("manager");
    const parkserver park;
    program leased("maus-demo", {"worker", "-p", park.endpoint()});
    program direct("maus-demo", {"worker", "--connect", place});
    for (const auto& how : {words{"-p", park.endpoint()}, words{"--bind", place},
                            words{"-p", park.endpoint(), "--bind", "tcp://127.0.0.1:*"}}) {
        words arguments{"manager"};
        arguments.insert(arguments.end(), how.begin(), how.end());
        const outcome manager = run("maus-demo", arguments);
        INFO(typed("maus-demo", arguments) << "\n" << manager.out << manager.err);
        CHECK(manager.code == good);
        CHECK(manager.err.empty());
        CHECK(manager.out.starts_with(examples_say));
        CHECK(manager.out.ends_with("1 + 2 + 3 + 4 = 10\ndone by 1 worker(s)\n"));
    }
    for (program* each : {&leased, &direct}) {
        each->signal(SIGINT);
        CHECK(each->wait() == good);
    }
}

TEST_CASE("who waits for somebody says so, and can be stopped") {
    const maus_test::scratch_folder folder;
    const std::string place = "ipc://" + folder.file("place");
    program manager("maus-demo", {"manager", "--bind", place});
    CHECK(manager.says("maus-demo worker --connect " + place));
    manager.signal(SIGTERM);
    CHECK(manager.wait() == failed);
    CHECK(manager.out().empty());
    program leased("maus-demo", {"manager", "-p", place});
    program worker("maus-demo", {"worker", "-p", place});
    CHECK(leased.says("waiting for it"));
    leased.signal(SIGTERM);
    CHECK(leased.wait() == failed);
    CHECK(worker.says("waiting for it"));
    worker.signal(SIGTERM);
    CHECK(worker.wait() == good);
}
