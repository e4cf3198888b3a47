// Echo through the public API of maus, futures included.
#include <maus/maus.hpp>
#include <maus/parkserver.hpp>

#include <cstdlib>
#include <deque>
#include <iostream>
#include <latch>
#include <mutex>
#include <thread>

#include "bench/echo.hpp"
#include "bench/machine.hpp"
#include "bin/support/text.hpp"

namespace bench {

namespace {
template <class Payload>
constexpr maus::method<Payload(Payload)> echo_method{"none"};
template <>
constexpr maus::method<std::string(std::string)> echo_method<std::string>{"echo"};
template <>
constexpr maus::method<maus::bytes(maus::bytes)> echo_method<maus::bytes>{"echo_bytes"};

[[noreturn]] void give_up(const std::string& why) {
    std::cerr << "maus-bench: the client: " << maus::programs::shown_lines(why) << '\n';
    std::_Exit(1);
}

// Everything that the three styles share.
template <class Payload>
struct client {
    maus::worker_group& workers;
    Payload payload;
    std::size_t window, threads;

    void check(const Payload& echoed) const {
        if (echoed.size() != payload.size()) give_up("an echo of another size came");
    }
    [[nodiscard]] maus::future<Payload> call() const {
        return workers.call(echo_method<Payload>, payload);
    }

    // A window of futures; the oldest is waited for.
    histogram by_get(double end, std::size_t share) const {
        struct pending {
            maus::future<Payload> result;
            double at;
        };
        std::deque<pending> waiting;
        histogram latencies;
        double now = now_s();
        while (now < end || !waiting.empty()) {
            while (now < end && waiting.size() < share) {
                waiting.push_back({call(), now});
            }
            check(waiting.front().result.get());
            now = now_s();
            latencies.record(now - waiting.front().at);
            waiting.pop_front();
        }
        return latencies;
    }

    // As many chains of callbacks as there are places in the window.
    histogram by_then(double end) const {
        struct shared {
            const client& self;
            const double end;
            std::latch done;
            std::mutex guard;
            histogram latencies;

            void call_once() {
                const double at = now_s();
                (void)self.call().then(
                    [this, at](maus::future<Payload> ready) { came(at, ready); });
            }
            void came(double at, maus::future<Payload>& ready) {
                try {
                    self.check(ready.get());
                } catch (const maus::error& failed) {
                    give_up(failed.what());
                }
                const double now = now_s();
                {
                    const std::lock_guard lock(guard);
                    latencies.record(now - at);
                }
                if (now < end) return call_once();
                done.count_down();
            }
        };
        shared all{*this, end, std::latch(static_cast<std::ptrdiff_t>(window)), {}, {}};
        for (std::size_t i = 0; i < window; ++i) all.call_once();
        all.done.wait();
        return std::move(all.latencies);
    }

    // As many coroutines as there are places in the window.
    histogram by_coroutine(double end) const {
        std::mutex guard;
        histogram latencies;
        std::vector<maus::future<void>> all;
        for (std::size_t i = 0; i < window; ++i) all.push_back(chain(end, guard, latencies));
        for (auto& each : all) each.get();
        return latencies;
    }
    maus::future<void> chain(double end, std::mutex& guard, histogram& latencies) const {
        for (double now = now_s(); now < end;) {
            const double at = now;
            check(co_await call());
            now = now_s();
            const std::lock_guard lock(guard);
            latencies.record(now - at);
        }
    }

    histogram by_threads(double end) const {
        std::mutex guard;
        histogram latencies;
        std::vector<std::thread> all;
        for (std::size_t i = 0; i < threads; ++i) {
            all.emplace_back([&] {
                const histogram own = by_get(end, std::max<std::size_t>(window / threads, 1));
                const std::lock_guard lock(guard);
                latencies.add(own);
            });
        }
        for (auto& each : all) each.join();
        return latencies;
    }

    [[nodiscard]] histogram run(const std::string& style, double end) const {
        if (style == "then") return by_then(end);
        if (style == "coroutine") return by_coroutine(end);
        return threads > 1 ? by_threads(end) : by_get(end, window);
    }
};

// One large call after the other, so that there is always one on its way.
class large_calls {
public:
    large_calls(const maus::worker_group& workers, std::size_t bytes, double end)
        : workers_(workers), payload_(std::string(bytes, 'x')), end_(end) {
        bytes == 0 ? done_.count_down() : call();
    }
    ~large_calls() { done_.wait(); }

private:
    void call() {
        (void)workers_.call(echo_method<maus::bytes>, payload_)
            .then([this](maus::future<maus::bytes> ready) { came(ready); });
    }
    void came(maus::future<maus::bytes>& ready) {
        try {
            if (ready.get().size() != payload_.size()) give_up("an echo of another size came");
        } catch (const maus::error& failed) {
            give_up(failed.what());
        }
        if (now_s() < end_) return call();
        done_.count_down();
    }

    const maus::worker_group& workers_;
    const maus::bytes payload_;
    const double end_;
    std::latch done_{1};
};

}  // namespace

words client_arguments(const std::string& how, const std::string& where, const setting& what) {
    return {how,
            where,
            std::to_string(what.bytes),
            std::to_string(what.window),
            std::to_string(what.workers),
            what.style,
            std::to_string(what.threads),
            what.payload,
            std::to_string(what.beside)};
}

system_under_test maus_echo(const setting& what) {
    std::vector<child> all;
    child client("maus-client", client_arguments("bind", any_endpoint(what.transport), what));
    const std::string endpoint = client.hear();
    for (std::size_t i = 0; i < what.workers; ++i) {
        all.emplace_back("maus-server", words{"connect", endpoint});
    }
    all.push_back(std::move(client));
    return system_under_test(std::move(all));
}

system_under_test maus_relay(const setting& what) {
    std::vector<child> all;
    all.emplace_back("parkserver", words{any_endpoint(what.transport)});
    const std::string endpoint = all.front().hear();
    for (std::size_t i = 0; i < what.workers; ++i) {
        all.emplace_back("maus-server", words{"register", endpoint});
    }
    child client("maus-client", client_arguments("relayed", endpoint, what));
    (void)client.hear();
    all.push_back(std::move(client));
    return system_under_test(std::move(all));
}

void role_maus_client(const words& arguments) {
    const bool relayed = arguments.at(0) == "relayed";
    const std::string& where = arguments.at(1);
    const auto bytes = std::stoul(arguments.at(2));
    const auto count = std::stoul(arguments.at(4));
    maus::manager manager{relayed ? std::string{} : where};
    if (relayed) manager.connect_parkserver(where);
    auto workers = manager.get_workers({.amount = static_cast<std::uint32_t>(count)});
    answer(manager.endpoint());
    const auto serve = [&]<class Payload>(Payload payload) {
        const client<Payload> caller{workers, std::move(payload), std::stoul(arguments.at(3)),
                                     std::stoul(arguments.at(6))};
        serve_runs([&](double seconds) {
            if (!workers.wait_for(count, std::chrono::seconds{20})) {
                give_up("no workers came in 20 s");
            }
            timed made;
            const double begun = now_s();
            const large_calls beside{workers, std::stoul(arguments.at(8)), begun + seconds};
            made.latencies = caller.run(arguments.at(5), begun + seconds);
            made.seconds = now_s() - begun;
            return made;
        });
    };
    // With its count the payload is `bytes` on the wire.
    std::string payload(bytes > 4 ? bytes - 4 : 0, 'x');
    if (arguments.at(7) == "bytes") serve(maus::bytes{payload});
    serve(std::move(payload));
}

void role_maus_server(const words& arguments) {
    maus::worker worker;
    worker.expose(echo_method<std::string>, [](std::string text) { return text; });
    worker.expose(echo_method<maus::bytes>, [](maus::bytes shared) { return shared; });
    if (arguments.at(0) == "register") {
        worker.register_parkserver(arguments.at(1));
    } else {
        worker.connect(arguments.at(1));
    }
    worker.run();
}

void role_parkserver(const words& arguments) {
    maus::parkserver park{{.bind = {arguments.at(0)}}};
    answer(park.endpoint());
    park.run();
}

}  // namespace bench
