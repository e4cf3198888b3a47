// right: what is meant to compile beside what is not
#include <filesystem>
#include <maus/maus.hpp>
#include <memory>
int twice(int x);
double twice(double x);
enum class colour : std::uint8_t { red };
struct named_number {
    named_number(double of = 0) : number(of) {}
    double number;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(number);
    }
};
// What keeps each value converts, also inside of others.
void widening(const maus::worker_group& workers) {
    using namespace std::chrono_literals;
    (void)workers.call(maus::method<void(std::optional<double>, std::optional<long>)>{"f"}, 1,
                       std::optional(2));
    (void)workers.call(maus::method<void(std::optional<int>)>{"f"}, std::nullopt);
    (void)workers.call(maus::method<void(std::pair<double, std::string>)>{"f"},
                       std::pair(1, "text"));
    (void)workers.call(maus::method<void(std::tuple<long, double>)>{"f"}, std::pair(1, 2.5));
    (void)workers.call(maus::method<void(std::tuple<long, std::optional<double>>)>{"f"},
                       std::tuple(1, 2.5f));
    (void)workers.call(maus::method<void(std::variant<int, std::string>)>{"f"}, "text");
    (void)workers.call(maus::method<void(std::chrono::duration<double>)>{"f"}, 3s);
    (void)workers.call(maus::method<void(std::chrono::milliseconds)>{"f"}, 3s);
    (void)workers.call(maus::method<void(std::complex<double>)>{"f"}, 3);
    (void)workers.call(maus::method<void(named_number)>{"f"}, 3);
    (void)workers.call(maus::method<void(named_number, colour)>{"f"}, 3.5, colour::red);
    (void)workers.call(maus::method<void(maus::value, std::vector<int>)>{"f"}, 3u,
                       std::vector{1, 2});
    (void)workers.call(maus::method<int(maus::function<int(int)>)>{"f"},
                       [](long x) { return static_cast<short>(x); });
    (void)workers.call(maus::method<int(maus::function<int(int)>)>{"f"}, [](auto x) { return x; });
}
void exposed(maus::worker& worker) {
    worker.expose(maus::method<int(int)>{"a"}, twice);
    worker.expose(maus::method<double(double)>{"b"}, &twice);
    worker.expose(maus::method<double(int)>{"c"}, [](double x) { return x; });
    worker.expose(maus::method<int(int)>{"d"}, [](auto x) { return x; });
    worker.expose(maus::method<long(int)>{"e"},
                  [](maus::context&, long x, int more = 1) { return x + more; });
    worker.expose("f", [](maus::responder<double> answer, int x) { answer(x); });
    worker.expose("g", [](maus::responder<std::vector<int>> answer) { answer({1, 2}); });
    worker.expose("h", [](maus::responder<std::string> answer) { answer("text"); });
    worker.expose("i", [](short x, const maus::function<int(int)>& f) { return f(x); });
    worker.expose("j", [](const maus::function<int(std::vector<int>)>& f) { return f({1, 2}); });
    worker.expose("k", [](const maus::function<int()>& f) { return f() + f.async().get(); });
    worker.expose("l",
                  [](std::vector<std::map<std::string, std::optional<colour>>> all,
                     const std::array<std::pair<int, bool>, 2>& more,
                     std::chrono::system_clock::time_point) { return all.size() + more.size(); });
}
void right(maus::worker& worker, const maus::worker_group& workers) {
    maus::manager braces{{.endpoint = "tcp://127.0.0.1:*"}};
    maus::manager text{"tcp://127.0.0.1:*"};
    maus::manager string{std::string("tcp://127.0.0.1:*")};
    maus::manager parentheses({.endpoint = "tcp://127.0.0.1:*"});
    (void)workers.call(maus::method<double(double, long)>{"f"}, 1, short{2});
    (void)workers.call(maus::method<void(const std::string&)>{"g"}, "text");
    (void)workers.call<int>("h", "text", std::string_view("more"), 1.5);
    (void)workers.call(maus::method<int(std::tuple<int>)>{"o"}, std::tuple<int>(1));
    (void)workers.call(maus::method<int(std::tuple<long>)>{"o"}, std::tuple<int>(1));
    (void)workers.call(maus::method<int(std::tuple<long>)>{"o"}, 1);
    (void)workers.call<std::string>("h", "text");
    (void)workers.call<std::string>(std::string("h"));
    (void)workers.with({}).call<std::string>("h", std::string("text"));
    (void)workers.broadcast<std::string>("h", "text");
    worker.expose(maus::method<double(int)>{"f"}, [](int x) { return x; });
    worker.expose(maus::method<std::tuple<int>()>{"o"}, [] { return std::tuple<int>(1); });
    worker.expose("g", [](const std::string& text, std::optional<int> x) { return text.size(); });
    worker.expose("h", [](std::string&& text) { return std::move(text); });
    worker.expose("i", [](maus::arguments given) { return maus::value(given.size()); });
    worker.expose("j", [](const maus::arguments& given) { return given.size(); });
    worker.expose("k", [](maus::value one, const std::vector<maus::value>& more) {
        return one == more.at(0);
    });
    (void)workers.call<maus::value>("i", maus::arguments{1, "two", nullptr});
    (void)workers.call<maus::value>("k", maus::value(1), maus::value::array{2.0});
    worker.expose("l", [](int count) -> maus::generator<int> { co_yield count; });
    worker.expose("m", [](maus::context&, const std::string& text) -> maus::generator<std::string> {
        co_yield text;
    });
    worker.expose(maus::method<maus::stream<int>(int)>{"n"},
                  [](int count) -> maus::generator<int> { co_yield count; });
    for (int each : workers.call<maus::stream<int>>("l", 1)) (void)each;
    (void)workers.with({.replayable = true})
        .call(maus::method<maus::stream<int>(int)>{"n"}, 1)
        .for_each([only = std::make_unique<int>(1)](int each) { *only += each; });
}
