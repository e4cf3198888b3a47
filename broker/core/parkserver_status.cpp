// The answer to a status query (parkserver.hpp).
#include "broker/core/parkserver.hpp"

namespace maus::broker {

using core::outbox;

// A larger answer than the asker takes would only cost it its connection.
void parkserver::tell_status(route to, instant now, outbox& out) {
    wire::message answer = wire::encode_control(status(now));
    if (answer.first.size() > config_.settings.limits.message_bytes_max) {
        return reject(to, errc::too_large,
                      "the status of " + std::to_string(workers_.size()) +
                          " workers is larger than message_bytes_max",
                      out);
    }
    out.push(core::send{to, std::nullopt, std::move(answer), 1});
}

wire::status parkserver::status(instant now) const {
    wire::status made;
    made.version = config_.version;
    made.parkserver = config_.id;
    made.epoch = config_.epoch;
    made.uptime_ms = base::whole_ms(now - started_);
    for (const auto& [id, each] : workers_) {
        wire::worker_status entry;
        entry.worker = id;
        entry.incarnation = each.registration.incarnation;
        entry.type = each.registration.type;
        entry.signatures = each.registration.signatures;
        entry.concurrency = each.registration.concurrency;
        entry.host = each.registration.host;
        entry.pid = each.registration.pid;
        entry.state = each.state;
        entry.lease = each.lease;
        const auto serves = leases_.find(each.lease);
        if (serves != leases_.end()) entry.manager = serves->second.manager;
        entry.age_ms = base::whole_ms(now - each.since);
        made.workers.push_back(std::move(entry));
    }
    for (const auto& [id, each] : managers_) {
        made.managers.push_back({id, each.registration.endpoints, each.registration.host,
                                 each.registration.pid, base::whole_ms(now - each.since)});
        for (const auto& [request, wanted] : each.requests) {
            made.requests.push_back({id, request, wanted.type, wanted.amount, wanted.serving(),
                                     base::whole_ms(now - wanted.since)});
        }
    }
    return made;
}

}  // namespace maus::broker
