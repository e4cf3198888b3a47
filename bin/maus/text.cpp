// Tables. Whatever a peer chose (hosts, types, signatures) is shown without control characters.

#include <string_view>
#include <unordered_map>

#include "bin/maus/show.hpp"
#include "bin/maus/summary.hpp"
#include "bin/support/text.hpp"
#include "maus/wire/message.hpp"

namespace maus::cli {

namespace {

using programs::age_text;
using programs::grouped;
using programs::table;
using align = table::align;

std::string shown(const std::string& text) { return wire::printable(text, 200); }

std::string where(const std::string& host, std::uint32_t pid) {
    return shown(host) + ":" + std::to_string(pid);
}

/// The first digits of an id tell it from others; "-" for none.
std::string brief(const std::string& id) { return id.empty() ? "-" : id.substr(0, 8); }

std::string titled(const std::string& title, std::size_t count, const table& rows) {
    if (count == 0) return title + ": none\n";
    return title + " (" + grouped(count) + ")\n" + rows.text();
}

std::string workers_text(const parkserver_status& now) {
    table rows({{"ID"},
                {"TYPE"},
                {"FUNCTIONS", align::right},
                {"STATE"},
                {"MANAGER"},
                {"AGE", align::right},
                {"HOST:PID"}});
    for (const auto& each : now.workers) {
        rows.add({brief(each.id), shown(each.type), grouped(each.functions.size()),
                  std::string(to_string(each.state)), brief(each.manager), age_text(each.age),
                  where(each.host, each.pid)});
    }
    return titled("workers", now.workers.size(), rows);
}

std::string managers_text(const parkserver_status& now) {
    table rows(
        {{"ID"}, {"WORKERS", align::right}, {"AGE", align::right}, {"HOST:PID"}, {"REACHED AT"}});
    std::unordered_map<std::string_view, std::uint64_t> serving;
    for (const auto& each : now.workers) ++serving[each.manager];
    for (const auto& each : now.managers) {
        std::string endpoints;
        for (const auto& one : each.endpoints) endpoints += (endpoints.empty() ? "" : ", ") + one;
        rows.add({brief(each.id), grouped(serving[each.id]), age_text(each.age),
                  where(each.host, each.pid),
                  endpoints.empty() ? "this parkserver" : shown(endpoints)});
    }
    return titled("managers", now.managers.size(), rows);
}

// As in the text of errors: render [nightly].
std::string type_text(const parkserver_status::request& of) {
    return shown(of.type) + (of.label.empty() ? "" : " [" + shown(of.label) + "]");
}

std::string requests_text(const parkserver_status& now) {
    table rows({{"MANAGER"},
                {"TYPE"},
                {"WANTED", align::right},
                {"HAS", align::right},
                {"AGE", align::right},
                {"WHY"}});
    const reasons why(now);
    std::size_t waiting = 0;
    for (const auto& each : now.requests) {
        if (!is_waiting(each)) continue;
        ++waiting;
        rows.add({brief(each.manager), type_text(each), wanted_text(each), grouped(each.serving),
                  age_text(each.age), why.of(each)});
    }
    return titled("waiting requests", waiting, rows);
}

std::string leases_text(const parkserver_status& now) {
    table rows({{"LEASE"}, {"WORKER"}, {"MANAGER"}, {"STATE"}});
    std::size_t leases = 0;
    for (const auto& each : now.workers) {
        if (each.lease.empty()) continue;
        ++leases;
        rows.add(
            {each.lease, brief(each.id), brief(each.manager), std::string(to_string(each.state))});
    }
    return titled("leases", leases, rows);
}

}  // namespace

std::string status_text(const parkserver_status& now, const std::string& endpoint) {
    return "parkserver " + brief(now.id) + " at " + endpoint + ", version " + shown(now.version) +
           ", up for " + age_text(now.uptime) + "\n\n" + workers_text(now) + '\n' +
           managers_text(now) + '\n' + requests_text(now) + '\n' + leases_text(now);
}

std::string functions_text(const parkserver_status& now, const std::string& endpoint,
                           const std::string& type) {
    const auto found = functions_of(now, type);
    if (found.empty()) {
        const std::string of_type = type.empty() ? "" : " of type " + type;
        return "no functions: no worker" + of_type + " is registered at " + endpoint + "\n";
    }
    table rows({{"FUNCTION"}, {"TYPE"}, {"WORKERS", align::right}});
    for (const auto& each : found) {
        for (const auto& [name, workers] : each.workers_by_type) {
            rows.add({wire::printable(each.signature, 4096), shown(name), grouped(workers)});
        }
    }
    return rows.text(0);
}

}  // namespace maus::cli
