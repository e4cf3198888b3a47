// A manager process, to be stopped, killed and made silent.
//
//   --parkserver ENDPOINT  --endpoint ENDPOINT (none: through the parkserver)
//   --type NAME  --amount N  --interval-ms N  --liveness N
//   --calls N               keep so many calls outstanding once the workers are there
//
// Prints "ready ID" when it runs, "has N" when it has its workers, "calling N" once N calls have
// come back. SIGTERM makes it stop and end with 0; a wrong result ends it with 3.
#include <signal.h>
#include <unistd.h>

#include <deque>
#include <iostream>
#include <maus/maus.hpp>

#include "live/helpers/arguments.hpp"
#include "live/zoo.hpp"

namespace {

volatile sig_atomic_t asked_to_stop = 0;
void stop_asked(int) { asked_to_stop = 1; }

/// False: a result was wrong.
bool call_on(const maus::worker_group& workers, std::uint32_t outstanding) {
    std::deque<std::pair<int, maus::future<int>>> calls;
    int made = 0, came_back = 0;
    while (asked_to_stop == 0) {
        while (calls.size() < outstanding) {
            calls.emplace_back(made, workers.call(zoo::add, made, 5));
            ++made;
        }
        if (!calls.front().second.wait_for(std::chrono::milliseconds{20})) continue;
        if (calls.front().second.get() != calls.front().first + 5) return false;
        calls.pop_front();
        if (++came_back == 100) std::cout << "calling " << came_back << std::endl;
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    struct sigaction action {};
    action.sa_handler = stop_asked;
    ::sigaction(SIGTERM, &action, nullptr);

    const helper::arguments given(argc, argv);
    maus::manager_options options;
    options.endpoint = given.text("--endpoint");
    options.heartbeat = given.heartbeat();
    options.log = helper::log_as("manager " + std::to_string(::getpid()));
    maus::manager manager(options);
    for (const auto& each : given.list("--parkserver")) manager.connect_parkserver(each);
    const std::uint32_t amount = given.number("--amount", 0);
    auto workers = manager.get_workers({.amount = amount, .type = given.text("--type", "default")});
    std::cout << "ready " << manager.id() << std::endl;
    bool told = false;
    while (asked_to_stop == 0 && !told) {
        told = workers.wait_for(amount == 0 ? 1 : amount, std::chrono::milliseconds{20});
    }
    if (told) std::cout << "has " << workers.size() << std::endl;
    const std::uint32_t outstanding = given.number("--calls", 0);
    if (told && outstanding != 0 && !call_on(workers, outstanding)) return 3;
    while (asked_to_stop == 0) ::usleep(2000);
    manager.stop();
    std::cout << "stopped " << manager.id() << std::endl;
}
