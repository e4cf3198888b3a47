// The answer to a status query (parkserver.hpp).
#include "broker/core/parkserver.hpp"

namespace maus::broker {

using core::outbox;

// A larger answer than the asker takes would only cost it its connection.
void parkserver::tell_status(route to, instant now, outbox& out) {
    wire::message told = wire::encode_control(status(now));
    if (told.first.size() > config_.settings.limits.message_bytes_max) {
        return reject(to, errc::too_large,
                      "the status of " + std::to_string(workers_.size()) +
                          " workers is larger than message_bytes_max",
                      out);
    }
    out.push(core::send{to, std::nullopt, std::move(told), 1});
}

wire::status parkserver::status(instant now) const {
    wire::status told;
    told.version = config_.version;
    told.parkserver = config_.id;
    told.epoch = config_.epoch;
    told.uptime_ms = base::whole_ms(now - started_);
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
        told.workers.push_back(std::move(entry));
    }
    for (const auto& [id, each] : managers_) {
        told.managers.push_back({id, each.registration.endpoints, each.registration.host,
                                 each.registration.pid, base::whole_ms(now - each.since)});
        for (const auto& [request, wanted] : each.requests) {
            told.requests.push_back({id, request, wanted.type, wanted.amount, wanted.serving(),
                                     base::whole_ms(now - wanted.since)});
        }
    }
    return told;
}

}  // namespace maus::broker
