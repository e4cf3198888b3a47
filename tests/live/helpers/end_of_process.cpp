// A process that ends in an unusual way, with all that it has as static objects.
//
//   function-start, function-run, short-function, callback, parkserver-log
//                                  calls exit(7) there
//   until-signal ENDPOINT GATE     serves that manager until a signal; prints "served"
//   static-destructor, thread-local-destructor
//                                  calls a function there, and prints "called RESULT"
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <maus/maus.hpp>
#include <maus/parkserver.hpp>
#include <string>
#include <thread>

namespace {

constexpr maus::method<int(int)> ends{"ends"};
// Longer than what a std::string holds in itself.
constexpr maus::method<int(int, int)> add{"a_function_with_quite_a_long_name"};

struct everything {
    maus::manager manager{"tcp://127.0.0.1:*"};
    maus::worker worker{{.log = {}}};
    maus::worker_group workers;

    everything() {
        worker.expose(ends, [](int after) {
            if (after == 0) std::exit(7);
            return after;
        });
        worker.expose(add, [](int x, int y) { return x + y; });
        worker.connect(manager.endpoint());
        workers = manager.get_workers({.amount = 1});
    }
    void call() const { std::cout << "called " << workers.call(add, 1, 2).get() << std::endl; }
};
// A static object, that main() makes when it is ready to. Functions use it while it is destroyed, as
// they do with globals of any program: that it is still there is not theirs to ask.
everything& all() {
    static everything objects;
    return objects;
}

struct calls_at_its_end {
    ~calls_at_its_end() { all().call(); }
};

// The process is ending, on another thread, and what it had is gone.
[[noreturn]] void wait_for_the_end() {
    for (;;) ::pause();
}

[[noreturn]] void end_in_function(bool in_run, int calls_before) {
    std::thread([calls_before] {
        try {
            for (int i = calls_before; i >= 0; --i) (void)all().workers.call(ends, i).get();
        } catch (const maus::error&) {
            // The process is ending.
        }
    }).detach();
    if (in_run) {
        all().worker.run();
    } else {
        all().worker.start();
    }
    wait_for_the_end();
}

[[noreturn]] void end_in_callback() {
    all().worker.start();
    const auto call = all().workers.call(add, 1, 2).then([](int) { std::exit(7); });
    wait_for_the_end();
}

[[noreturn]] void end_in_log() {
    maus::parkserver_options options{.bind = {"tcp://127.0.0.1:*"}};
    static std::atomic<bool> may_end{false};  // nobody here uses what exit() destroys any more
    options.log = [](maus::log_level, std::string_view) {
        if (may_end) std::exit(7);
    };
    static maus::parkserver park(options);
    park.start();
    maus::worker worker;
    worker.register_parkserver(park.endpoint());
    may_end = true;
    worker.start();
    wait_for_the_end();
}

int serve_until_signal(const std::string& endpoint, const std::string& gate) {
    maus::worker worker{{.stop_timeout = std::chrono::hours{1}}};
    worker.expose(ends, [&](int x) {
        std::cout << "began " << x << std::endl;
        while (::access(gate.c_str(), F_OK) != 0) ::poll(nullptr, 0, 1);
        return x + 1;
    });
    worker.connect(endpoint);
    worker.run_until_signal();
    std::cout << "served all" << std::endl;
    return 0;
}

}  // namespace

int main(int, char** arguments) {
    const std::string where = arguments[1];
    if (where == "until-signal") return serve_until_signal(arguments[2], arguments[3]);
    if (where == "parkserver-log") end_in_log();
    (void)all();
    if (where == "function-start") end_in_function(false, 0);
    if (where == "function-run") end_in_function(true, 0);
    if (where == "short-function") end_in_function(false, 1000);
    if (where == "callback") end_in_callback();
    all().worker.start();
    all().call();
    if (where == "static-destructor") {
        static const calls_at_its_end last;
    } else {
        thread_local const calls_at_its_end last;
        std::thread([] {
            thread_local const calls_at_its_end of_thread;
            all().call();
        }).join();
    }
    return 0;
}
