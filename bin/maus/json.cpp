// JSON. Ids and leases are whole; times are in ms, as their names say. Names stay as they are:
// programs rely on them.

#include "bin/maus/show.hpp"
#include "bin/maus/summary.hpp"

namespace maus::cli {

using nlohmann::ordered_json;

namespace {

ordered_json id_or_null(const auto& id) {
    return id.none() ? ordered_json(nullptr) : ordered_json(to_string(id));
}

ordered_json worker_json(const wire::worker_status& worker) {
    return {{"id", to_string(worker.worker)},
            {"incarnation", worker.incarnation.value},
            {"type", worker.type},
            {"functions", worker.signatures},
            {"concurrency", worker.concurrency},
            {"state", to_string(worker.state)},
            {"manager", id_or_null(worker.manager)},
            {"lease", id_or_null(worker.lease)},
            {"age_ms", worker.age_ms},
            {"host", worker.host},
            {"pid", worker.pid}};
}

ordered_json request_json(const wire::request_status& request) {
    return {{"manager", to_string(request.manager)},
            {"request", request.request.value},
            {"type", request.type},
            {"amount", request.amount},
            {"serving", request.serving},
            {"waiting", is_waiting(request)},
            {"age_ms", request.age_ms}};
}

}  // namespace

ordered_json status_json(const parkserver_status& now, const std::string& endpoint) {
    ordered_json all{{"parkserver", to_string(now.parkserver)},
                     {"endpoint", endpoint},
                     {"version", now.version},
                     {"epoch", now.epoch},
                     {"uptime_ms", now.uptime_ms},
                     {"workers", ordered_json::array()},
                     {"managers", ordered_json::array()},
                     {"requests", ordered_json::array()},
                     {"leases", ordered_json::array()}};
    for (const auto& each : now.workers) {
        all["workers"].push_back(worker_json(each));
        if (each.lease.none()) continue;
        all["leases"].push_back({{"lease", to_string(each.lease)},
                                 {"worker", to_string(each.worker)},
                                 {"manager", id_or_null(each.manager)},
                                 {"state", to_string(each.state)}});
    }
    for (const auto& each : now.managers) {
        all["managers"].push_back({{"id", to_string(each.manager)},
                                   {"endpoints", each.endpoints},
                                   {"age_ms", each.age_ms},
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
