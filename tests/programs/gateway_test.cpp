// maus-gateway and maus-parkserver --web as processes: how they start and stop, what they keep, whom they
// serve while others misbehave, and how many.
#include <signal.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "programs/program.hpp"
#include "support/web_socket.hpp"

using namespace programs;
using maus_test::http_get;
using maus_test::scratch_folder;
using maus_test::web_socket;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

std::string text_of(const std::string& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}
void write_file(const std::string& file, const std::string& text) { std::ofstream(file) << text; }
/// The rest of the word that follows.
std::string word_after(const std::string& text, const std::string& before) {
    const auto at = text.find(before);
    if (at == std::string::npos) return "";
    const auto begin = at + before.size();
    return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

/// One of the two programs that have the door, on a port of its own.
class door {
public:
    door(const std::string& name, words arguments, const std::string& tokens)
        : program_(name, with(std::move(arguments), tokens)) {
        REQUIRE(program_.says("use the workers in a browser:"));
        tokens_ = json::parse(text_of(tokens));
        port_ = std::atoi(
            word_after(program_.out(), "become a worker in a browser:  http://127.0.0.1:").c_str());
    }
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] program& itself() { return program_; }
    [[nodiscard]] std::string token(const std::string& role) const { return tokens_.at(role); }
    [[nodiscard]] web_socket join(const std::string& role) const {
        web_socket made(port_);
        REQUIRE(made.status() == 101);
        made.send(web_socket::text, json{{"token", token(role)}}.dump());
        const auto answer = made.next();
        REQUIRE(answer);
        REQUIRE(answer->opcode == web_socket::text);
        CHECK(json::parse(answer->data)["role"] == role);
        return made;
    }

private:
    static words with(words arguments, const std::string& tokens) {
        for (const std::string& each : {std::string("--web"), std::string("127.0.0.1:0"),
                                        std::string("--web-tokens"), tokens}) {
            arguments.push_back(each);
        }
        return arguments;
    }
    program program_;
    json tokens_;
    int port_ = 0;
};

const std::string question("\x08\0\0\0MAU\1\1\x0c\0\0", 12);  // status_query
std::string ping_of(char stamp) {
    return std::string("\x10\0\0\0MAU\1\1\x0a\0\0", 12) + stamp + std::string(7, '\0');
}
/// A status came.
bool is_served(web_socket& observer) {
    if (!observer.send(web_socket::binary, question)) return false;
    const auto answer = observer.next();
    return answer && answer->opcode == web_socket::binary && answer->data[9] == 73;
}

}  // namespace

TEST_CASE("a gateway says where to open a browser, and its tokens outlive it, for its owner only") {
    const scratch_folder folder;
    const parkserver park;
    const std::string tokens = folder.file("state/maus/tokens.json");
    std::string said;
    for (int life = 0; life < 2; ++life) {
        door gateway("maus-gateway", {"--parkserver", park.endpoint()}, tokens);
        const std::string out = gateway.itself().out();
        const std::string at = "http://127.0.0.1:" + std::to_string(gateway.port()) + "/";
        CHECK(out.starts_with("maus-gateway "));
        CHECK_THAT(out, maus_test::has_text(" ready at " + at + "\n"));
        CHECK_THAT(out,
                   maus_test::has_text("  " + at + "#worker=" + gateway.token("worker") + "\n"));
        CHECK_THAT(out, maus_test::has_text("#manager=" + gateway.token("manager") + "\n"));
        web_socket observer = gateway.join("observer");
        CHECK(is_served(observer));
        gateway.itself().signal(SIGTERM);
        CHECK(observer.close_code() == 1001);
        CHECK(gateway.itself().wait() == good);
        if (life == 0) said = text_of(tokens);
    }
    CHECK(text_of(tokens) == said);
    struct stat is {};
    REQUIRE(::stat(tokens.c_str(), &is) == 0);
    CHECK((is.st_mode & 0777) == 0600);
    REQUIRE(::stat(folder.file("state/maus").c_str(), &is) == 0);
    CHECK((is.st_mode & 0777) == 0700);
    // Whoever may read it may join.
    ::chmod(tokens.c_str(), 0640);
    const outcome refused = run("maus-gateway", {"--web", "127.0.0.1:0", "--web-tokens", tokens});
    CHECK(refused.code == failed);
    CHECK_THAT(refused.err, maus_test::has_text("others may read it"));
}

TEST_CASE("a gateway refuses tokens that are none, and says what to do") {
    const scratch_folder folder;
    const std::string good_one(32, 'a'), other(32, 'b'), third(32, 'c');
    const std::pair<std::string, std::string> rows[] = {
        {"", "remove it"},
        {"{}", "remove it"},
        {json{{"worker", good_one}, {"manager", other}}.dump(), "remove it"},
        {json{{"worker", "short"}, {"manager", other}, {"observer", third}}.dump(), "22 to 128"},
        {json{{"worker", good_one}, {"manager", good_one}, {"observer", third}}.dump(),
         "same token"},
    };
    const std::string file = folder.file("tokens.json");
    for (const auto& [text, why] : rows) {
        std::filesystem::remove(file);
        write_file(file, text);
        ::chmod(file.c_str(), 0600);
        const outcome refused = run("maus-gateway", {"--web", "127.0.0.1:0", "--web-tokens", file});
        INFO(text << "\n" << refused.err);
        CHECK(refused.code == failed);
        CHECK_THAT(refused.err, maus_test::has_text(why));
        CHECK(text_of(file) == text);
    }
    std::filesystem::create_symlink(file, folder.file("link.json"));
    CHECK(run("maus-gateway", {"--web", "127.0.0.1:0", "--web-tokens", folder.file("link.json")})
              .code == failed);
}

TEST_CASE("maus-parkserver --web has the door in the same process") {
    const scratch_folder folder;
    for (const int number : {SIGINT, SIGTERM}) {
        door park("maus-parkserver", {"--bind", "tcp://127.0.0.1:*"}, folder.file("tokens.json"));
        web_socket observer = park.join("observer");
        CHECK(is_served(observer));
        park.itself().signal(number);
        CHECK(observer.close_code() == 1001);
        CHECK(park.itself().wait() == good);
    }
}

TEST_CASE(
    "a gateway serves the pages of its two folders, and says how a browser is to treat them") {
    const scratch_folder folder;
    for (const auto* each : {"examples", "src", "src/wire"}) {
        std::filesystem::create_directory(folder.file(each));
    }
    write_file(folder.file("examples/index.html"), "<p>join");
    write_file(folder.file("src/wire/values.js"), "export {};");
    write_file(folder.file("secret.js"), "secret");
    std::filesystem::create_symlink(folder.file("secret.js"), folder.file("src/link.js"));
    const door gateway("maus-gateway", {"--web-root", folder.path()}, folder.file("tokens.json"));
    const std::string host = "127.0.0.1:" + std::to_string(gateway.port());
    const auto page = http_get(gateway.port(), "/?what=ever", host);
    CHECK(page.status == 200);
    CHECK(page.body == "<p>join");
    for (const std::string line :
         {"Content-Type: text/html; charset=utf-8", "Cache-Control: no-store",
          "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer",
          "Content-Security-Policy: default-src 'none'; script-src 'self';"}) {
        CHECK_THAT(page.head, maus_test::has_text(line));
    }
    CHECK(page.head.find("Set-Cookie") == std::string::npos);
    CHECK(http_get(gateway.port(), "/maus/wire/values.js", host).body == "export {};");
    const auto head = http_get(gateway.port(), "/", host, "", "HEAD");
    CHECK(head.status == 200);
    CHECK(head.body.empty());
    for (const auto* nowhere :
         {"/maus/link.js", "/maus/../secret.js", "/../secret.js", "/tokens.json", "/nothing.html",
          "/maus/%2e%2e/secret.js", "/src/wire/values.js"}) {
        INFO(nowhere);
        CHECK(http_get(gateway.port(), nowhere, host).status == 404);
    }
    CHECK(http_get(gateway.port(), "/", host, "Content-Length: 5\r\n\r\nhello", "POST").status !=
          200);
    CHECK(http_get(gateway.port(), "/", host, "X: " + std::string(10'000, 'x') + "\r\n").status !=
          200);
}

TEST_CASE("a gateway outlives its parkserver, and serves the next one") {
    const scratch_folder folder;
    const std::string place = "tcp://127.0.0.1:" + std::to_string(maus_test::free_port());
    auto park = std::make_unique<parkserver>(words{"--bind", place});
    door gateway("maus-gateway", {"--parkserver", place}, folder.file("tokens.json"));
    for (const int number : {SIGKILL, SIGTERM}) {
        web_socket observer = gateway.join("observer");
        CHECK(is_served(observer));
        park->itself().signal(number);
        CHECK(observer.close_code() == 4503);
        park = std::make_unique<parkserver>(words{"--bind", place});
    }
    web_socket observer = gateway.join("observer");
    CHECK(is_served(observer));
    CHECK(gateway.itself().alive());
}

TEST_CASE("a thousand WebSockets are served at a time, and each by itself") {
    const scratch_folder folder;
    const parkserver park;
    door gateway("maus-gateway", {"--parkserver", park.endpoint()}, folder.file("tokens.json"));
    std::vector<web_socket> all;
    for (int i = 0; i < 1000; ++i) all.push_back(gateway.join("worker"));
    for (auto& each : all) REQUIRE(each.send(web_socket::binary, ping_of('x')));
    for (auto& each : all) {
        const auto answer = each.next();
        REQUIRE(answer);
        CHECK(answer->data[9] == 66);  // register_again: each is a connection of its own
    }
    CHECK(std::distance(std::filesystem::directory_iterator(
                            "/proc/" + std::to_string(gateway.itself().pid()) + "/fd"),
                        std::filesystem::directory_iterator{}) < 9 * 1000 + 100);
    all.clear();
    CHECK(eventually([&] {
        return std::distance(std::filesystem::directory_iterator(
                                 "/proc/" + std::to_string(gateway.itself().pid()) + "/fd"),
                             std::filesystem::directory_iterator{}) < 100;
    }));
    web_socket observer = gateway.join("observer");
    CHECK(is_served(observer));
}

TEST_CASE("a flood from one WebSocket holds up nobody else") {
    const scratch_folder folder;
    const parkserver park;
    door gateway("maus-gateway", {"--parkserver", park.endpoint()}, folder.file("tokens.json"));
    web_socket flood = gateway.join("observer");
    web_socket other = gateway.join("observer");
    for (int round = 0; round < 50; ++round) {
        for (int i = 0; i < 200; ++i) (void)flood.send(web_socket::binary, ping_of('x'), 0ms);
        CHECK(is_served(other));
    }
}

TEST_CASE("who shows no token makes room for others") {
    const scratch_folder folder;
    door gateway("maus-gateway", {"--web-max-sockets", "3"}, folder.file("tokens.json"));
    std::vector<web_socket> strangers;
    for (int i = 0; i < 3; ++i) strangers.emplace_back(gateway.port());
    web_socket late(gateway.port());
    CHECK(late.status() == 101);
    CHECK(strangers.front().close_code() == 0);
    CHECK(gateway.itself().says("the oldest without a token is closed"));
}

TEST_CASE("a gateway speaks TLS with the certificate that it is given") {
    const scratch_folder folder;
    const std::string key = folder.file("key.pem"), certificate = folder.file("cert.pem");
    const auto shell = [](const std::string& command) {
        std::string text;
        FILE* out = ::popen((command + " 2>/dev/null").c_str(), "r");
        REQUIRE(out != nullptr);
        char part[4096];
        while (const std::size_t got = std::fread(part, 1, sizeof part, out))
            text.append(part, got);
        ::pclose(out);
        return text;
    };
    shell("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout " + key +
          " -out " + certificate);
    const int port = maus_test::free_port();
    const std::string at = "127.0.0.1:" + std::to_string(port);
    program gateway("maus-gateway",
                    {"--web", at, "--web-tokens", folder.file("tokens.json"), "--web-cert",
                     certificate, "--web-key", key, "--web-handshake", "500"});
    REQUIRE(gateway.says(" ready at https://" + at + "/"));
    const std::string request =
        "GET /maus HTTP/1.1\\r\\nHost: " + at + "\\r\\nOrigin: https://" + at +
        "\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Key: "
        "AAAAAAAAAAAAAAAAAAAAAA==\\r\\nSec-WebSocket-Version: 13\\r\\n\\r\\n";
    // It ends when no token came in time.
    const std::string answer =
        shell("printf '" + request + "' | openssl s_client -quiet -connect " + at + " -CAfile " +
              certificate + " -verify_return_error");
    CHECK(answer.starts_with("HTTP/1.1 101 "));
    maus_test::raw_connection bare(port);
    bare.send("GET / HTTP/1.1\r\nHost: " + at + "\r\n\r\n");
    CHECK_FALSE(bare.receive().starts_with("HTTP"));
    for (const words& half : {words{"--web-cert", certificate}, words{"--web-key", key},
                              words{"--web-cert", key, "--web-key", certificate}}) {
        words all{"--web", "127.0.0.1:0", "--web-tokens", folder.file("tokens.json")};
        all.insert(all.end(), half.begin(), half.end());
        CHECK(run("maus-gateway", all).code == failed);
    }
}
