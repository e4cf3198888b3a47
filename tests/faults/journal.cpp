#include "journal.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <fstream>
#include <stdexcept>

namespace faults {

namespace {

using maus::base::instant;
using nlohmann::json;
using std::chrono::nanoseconds;

std::int64_t number_of(instant at) { return at.time_since_epoch().count(); }

json to_json(const fact& what) {
    json line{{"t", number_of(what.at)},
              {"what", static_cast<int>(what.what)},
              {"is", std::string(to_string(what.what))},
              {"p", what.process}};
    const auto add = [&](const char* name, auto value) {
        if (value != decltype(value){}) line[name] = value;
    };
    add("ticket", what.ticket);
    add("call", what.call);
    add("attempt", what.attempt);
    add("function", what.function);
    add("group", what.group);
    add("once", what.at_most_once);
    add("cap", what.max_crashes);
    add("argument", what.argument);
    add("wrong", !what.right);
    add("text", what.text);
    add("attempt_timeout", what.attempt_timeout.count());
    if (!what.worker.none()) line["worker"] = to_string(what.worker);
    if (!what.manager.none()) line["manager"] = to_string(what.manager);
    if (!what.lease.none()) line["lease"] = {what.lease.epoch, what.lease.sequence};
    if (what.error) line["error"] = static_cast<int>(*what.error);
    if (what.deadline != maus::base::never) line["deadline"] = number_of(what.deadline);
    for (const auto& each : what.attempts) {
        line["attempts"].push_back({each.worker, each.after.count(), each.why});
    }
    return line;
}

fact to_fact(const json& line) {
    fact made;
    const auto read = [&](const char* name, auto& into) {
        if (const auto at = line.find(name); at != line.end()) at->get_to(into);
    };
    made.at = made.local = instant{nanoseconds{line.at("t").get<std::int64_t>()}};
    made.what = static_cast<kind>(line.at("what").get<int>());
    made.process = line.at("p");
    read("ticket", made.ticket);
    read("call", made.call);
    read("attempt", made.attempt);
    read("function", made.function);
    read("group", made.group);
    read("once", made.at_most_once);
    read("cap", made.max_crashes);
    read("argument", made.argument);
    read("text", made.text);
    made.right = !line.contains("wrong");
    made.attempt_timeout = nanoseconds{line.value("attempt_timeout", std::int64_t{0})};
    made.worker = id_from<maus::base::worker_id>(line.value("worker", ""));
    made.manager = id_from<maus::base::manager_id>(line.value("manager", ""));
    if (line.contains("lease")) made.lease = {line["lease"][0], line["lease"][1]};
    if (line.contains("error")) made.error = static_cast<maus::errc>(line["error"].get<int>());
    if (line.contains("deadline")) {
        made.deadline = instant{nanoseconds{line["deadline"].get<std::int64_t>()}};
    }
    for (const auto& each : line.value("attempts", json::array())) {
        made.attempts.push_back({each[0], nanoseconds{each[1].get<std::int64_t>()}, each[2]});
    }
    return made;
}

}  // namespace

instant now() {
    timespec at{};
    ::clock_gettime(CLOCK_MONOTONIC, &at);
    return instant{std::chrono::seconds{at.tv_sec} + nanoseconds{at.tv_nsec}};
}

journal::journal(const std::string& path, std::uint32_t number)
    : file_(::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600)),
      number_(number) {
    if (file_ < 0) throw std::runtime_error("cannot write " + path);
}

journal::~journal() { ::close(file_); }

fact journal::begin(kind what) const {
    fact made;
    made.what = what;
    made.process = number_;
    return made;
}

void journal::add(fact what) {
    if (what.at == instant{}) what.at = now();
    const std::string line =
        to_json(what).dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
    const auto wrote = ::write(file_, line.data(), line.size());
    if (wrote != static_cast<ssize_t>(line.size())) throw std::runtime_error("the disk is full");
}

std::vector<fact> journal_reader::more() {
    std::vector<fact> found;
    std::ifstream file(path_, std::ios::ate);
    // Not what is added meanwhile: on a busy machine it may be added faster than it is read.
    const std::streamoff end = file.tellg();
    file.seekg(read_);
    std::string line;
    while (read_ < end && std::getline(file, line) &&
           !file.eof()) {  // the rest of the last may be still to come
        read_ += static_cast<std::streamoff>(line.size()) + 1;
        fact made = to_fact(json::parse(line));
        if (made.what == kind::started && !made.lease.none()) {
            made.link = leases_.emplace(made.lease, leases_.size() + 1).first->second;
        }
        found.push_back(std::move(made));
    }
    return found;
}

}  // namespace faults
