// JSON. Ids and leases are whole; times are in ms, as their names say. Names stay as they are:
// programs rely on them.

#include "bin/maus/show.hpp"
#include "bin/maus/summary.hpp"

namespace maus::cli {

using nlohmann::ordered_json;

namespace {

ordered_json text_or_null(const std::string& text) {
    return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json worker_json(const parkserver_status::worker& worker) {
    return {{"id", worker.id},
            {"incarnation", worker.incarnation},
            {"type", worker.type},
            {"functions", worker.functions},
            {"concurrency", worker.concurrency},
            {"state", to_string(worker.state)},
            {"manager", text_or_null(worker.manager)},
            {"lease", text_or_null(worker.lease)},
            {"age_ms", worker.age.count()},
            {"host", worker.host},
            {"pid", worker.pid}};
}

ordered_json request_json(const parkserver_status::request& request) {
    return {{"manager", request.manager},   {"request", request.number},
            {"type", request.type},         {"amount", request.amount},
            {"serving", request.serving},   {"waiting", is_waiting(request)},
            {"age_ms", request.age.count()}};
}

}  // namespace

ordered_json status_json(const parkserver_status& now, const std::string& endpoint) {
    ordered_json all{{"parkserver", now.id},
                     {"endpoint", endpoint},
                     {"version", now.version},
                     {"epoch", now.epoch},
                     {"uptime_ms", now.uptime.count()},
                     {"workers", ordered_json::array()},
                     {"managers", ordered_json::array()},
                     {"requests", ordered_json::array()},
                     {"leases", ordered_json::array()}};
    for (const auto& each : now.workers) {
        all["workers"].push_back(worker_json(each));
        if (each.lease.empty()) continue;
        all["leases"].push_back({{"lease", each.lease},
                                 {"worker", each.id},
                                 {"manager", text_or_null(each.manager)},
                                 {"state", to_string(each.state)}});
    }
    for (const auto& each : now.managers) {
        all["managers"].push_back({{"id", each.id},
                                   {"endpoints", each.endpoints},
                                   {"age_ms", each.age.count()},
                                   {"host", each.host},
                                   {"pid", each.pid}});
    }
    for (const auto& each : now.requests) all["requests"].push_back(request_json(each));
    return all;
}

ordered_json functions_json(const parkserver_status& now, const std::string& type) {
    auto all = ordered_json::array();
    for (const auto& each : functions_of(now, type)) {
        all.push_back({{"name", each.name},
                       {"signature", each.signature},
                       {"workers_by_type", each.workers_by_type}});
    }
    return all;
}

}  // namespace maus::cli
