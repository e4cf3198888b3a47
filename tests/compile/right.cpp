// right: what is meant to compile beside what is not
#include <filesystem>
#include <maus/maus.hpp>
#include <memory>
void right(maus::worker& worker, const maus::worker_group& workers) {
    maus::manager braces{{.endpoint = "tcp://127.0.0.1:*"}};
    maus::manager text{"tcp://127.0.0.1:*"};
    maus::manager string{std::string("tcp://127.0.0.1:*")};
    maus::manager parentheses({.endpoint = "tcp://127.0.0.1:*"});
    (void)workers.call(maus::method<double(double, long)>{"f"}, 1, short{2});
    (void)workers.call(maus::method<void(const std::string&)>{"g"}, "text");
    (void)workers.call<int>("h", "text", std::string_view("more"), 1.5);
    worker.expose(maus::method<double(int)>{"f"}, [](int x) { return x; });
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
