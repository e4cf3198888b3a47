#include "live/site.hpp"

#include <algorithm>
#include <iostream>

namespace live {

namespace {

std::string program(const std::string& name) { return MAUS_BIN_DIR "/tests/" + name; }

std::vector<std::string> command_line(const std::vector<std::string>& parkservers,
                                      const std::vector<std::string>& more,
                                      const maus::heartbeat_options& beat) {
    std::vector<std::string> made{"--interval-ms", std::to_string(beat.interval.count()),
                                  "--liveness", std::to_string(beat.liveness)};
    for (const auto& each : parkservers) {
        made.emplace_back("--parkserver");
        made.push_back(each);
    }
    made.insert(made.end(), more.begin(), more.end());
    return made;
}

// The second word of "ready WORD ...".
std::string ready_word(process& which) {
    const auto line = which.line_with("ready");
    REQUIRE(line);
    return line->substr(0, line->find(' '));
}

}  // namespace

maus::log_function log_as(const std::string& who) {
    if (std::getenv("MAUS_TEST_LOG") == nullptr) return {};
    return [who](maus::log_level level, std::string_view text) {
        std::cerr << who + ' ' + std::string(to_string(level)) + ' ' + std::string(text) + '\n';
    };
}

worker_process::worker_process(const std::vector<std::string>& parkservers,
                               const std::vector<std::string>& more,
                               const maus::heartbeat_options& beat)
    : process(program("live_worker"), command_line(parkservers, more, beat)),
      id(ready_word(*this)) {}

manager_process::manager_process(const std::vector<std::string>& parkservers,
                                 const std::vector<std::string>& more,
                                 const maus::heartbeat_options& beat)
    : process(program("live_manager"), command_line(parkservers, more, beat)),
      id(ready_word(*this)) {}

parkserver_process::parkserver_process(const std::string& bind)
    : process(program("live_parkserver"),
              {"--bind", bind, "--interval-ms", "10", "--liveness", "2"}),
      endpoint(ready_word(*this)) {}

site::site(transport how, maus::heartbeat_options beat) : how_(how), beat_(beat) {}

std::string site::somewhere() {
    if (how_ == transport::tcp) return "tcp://127.0.0.1:*";
    return fixed_place();
}

std::string site::fixed_place() {
    if (how_ == transport::tcp) {
        return "tcp://127.0.0.1:" + std::to_string(maus_test::free_port());
    }
    return "ipc://" + folder_.file("place" + std::to_string(++places_));
}

maus::parkserver& site::park() {
    if (!park_) {
        park_ = std::make_unique<maus::parkserver>(
            maus::parkserver_options{.bind = {somewhere()}, .log = log_as("park")});
        park_->start();
    }
    return *park_;
}

worker_process site::worker(const std::vector<std::string>& more) {
    return {{parkserver()}, more, beat_};
}

std::vector<worker_process> site::workers(std::size_t count, const std::vector<std::string>& more) {
    std::vector<worker_process> made;
    while (made.size() < count) made.push_back(worker(more));
    return made;
}

manager_process site::manager(std::vector<std::string> more) {
    more.insert(more.end(), {"--endpoint", somewhere()});
    return {{parkserver()}, more, beat_};
}

maus::manager_options site::reachable() {
    return {.endpoint = somewhere(), .heartbeat = beat_, .log = log_as("manager")};
}

maus::manager_options site::relayed() const {
    return {.heartbeat = beat_, .log = log_as("manager")};
}

std::optional<maus::parkserver_status> status_of(const std::string& parkserver) {
    try {
        return maus::fetch_status(parkserver, 20s);
    } catch (const maus::error&) {
        return std::nullopt;
    }
}

bool comes_to_have(const std::string& parkserver, std::size_t count, worker_state state) {
    return eventually([&] {
        const auto now = status_of(parkserver);
        if (!now) return false;
        const auto found = std::count_if(now->workers.begin(), now->workers.end(),
                                         [&](const auto& each) { return each.state == state; });
        return static_cast<std::size_t>(found) == count;
    });
}

bool comes_to_have_requests(const std::string& parkserver, std::size_t count) {
    return eventually([&] {
        const auto now = status_of(parkserver);
        return now && now->requests.size() == count;
    });
}

bool comes_to_be(const std::string& parkserver, const std::string& worker, worker_state state) {
    return eventually([&] {
        const auto now = status_of(parkserver);
        if (!now) return false;
        return std::any_of(now->workers.begin(), now->workers.end(), [&](const auto& each) {
            return each.id == worker && each.state == state;
        });
    });
}

bool comes_to_forget_manager(const std::string& parkserver, const std::string& manager) {
    return eventually([&] {
        const auto now = status_of(parkserver);
        return now && std::none_of(now->managers.begin(), now->managers.end(),
                                   [&](const auto& each) { return each.id == manager; });
    });
}

std::map<std::string, std::string> leases(const std::string& parkserver) {
    const auto now = status_of(parkserver);
    REQUIRE(now);
    std::map<std::string, std::string> found;
    for (const auto& each : now->workers) {
        if (each.state == worker_state::leased) {
            found[each.id] = each.manager;
        }
    }
    return found;
}

std::set<std::uint32_t> pids_of(const maus::worker_group& workers, std::size_t count) {
    std::set<std::uint32_t> found;
    REQUIRE(eventually([&] {
        std::vector<maus::future<std::uint32_t>> calls;
        for (std::size_t i = 0; i < 4 * count; ++i) calls.push_back(workers.call(zoo::pid));
        for (auto& each : calls) found.insert(value_of(each));
        return found.size() >= count;
    }));
    return found;
}

}  // namespace live
