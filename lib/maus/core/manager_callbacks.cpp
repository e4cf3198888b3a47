// What functions ask of their callers while they run (manager.hpp; PROTOCOL.md, section 6.3).
#include <algorithm>

#include "maus/core/manager.hpp"

namespace maus::core {

// False: it is no callback.
bool manager::call_back(const link_key& key, link& from, const wire::record& record, instant now,
                        manager_effects& out) {
    base::byte_view body = record.body;
    const auto attempt = wire::take_attempt(body);
    if (!attempt || !wire::uses(from.features, wire::feature_functions)) return false;
    const auto which = wire::take_callback(record, body);
    if (!which) return false;
    if (from.callbacks.count() >= config_.settings.limits.callbacks_max) {
        refuse_callback(from, *attempt, *which, errc::overloaded,
                        "more callbacks than callbacks_max are not answered", out);
        return true;
    }
    const std::uint64_t bytes = record.apart != nullptr ? record.apart->size() : body.size();
    if (from.callbacks.bytes() + bytes > config_.settings.limits.queued_bytes_max) {
        refuse_callback(from, *attempt, *which, errc::overloaded,
                        "callbacks of more than queued_bytes_max are not answered", out);
        return true;
    }
    const auto ticket = dispatcher_.begin_callback(from.index, *attempt, now);
    if (!ticket) {
        refuse_callback(from, *attempt, *which, ticket.why().code, ticket.why().message, out);
        return true;
    }
    const std::uint32_t slot = from.callbacks.add(*attempt, *which, bytes);
    keep_while_asking(from);
    out.callbacks.push_back({ticket.value(),
                             key,
                             *attempt,
                             *which,
                             {},
                             from.worker,
                             from.incarnation,
                             from.lease,
                             slot});
    wire::take_carried(record, body, out.callbacks.back().payload);
    return true;
}

void manager::refuse_callback(const link& from, wire::attempt of, wire::callback which, errc code,
                              std::string why, manager_effects& out) {
    out.net.link(dispatcher_.address_of(from.index))
        .callback_failed(of, which, {static_cast<std::uint8_t>(code), {}, std::move(why)},
                         static_cast<std::size_t>(from.limits.text_bytes_max));
}

// Nobody waits for their calls any more. Their callables may run on: nobody waits for those either.
void manager::refuse_orphans(instant now, manager_effects& out) {
    for (const auto& [index, attempt] : dispatcher_.take_orphans()) {
        const auto found = find_link(index);
        if (found == links_.end()) continue;
        for (const auto& which : found->second.callbacks.close_all(attempt)) {
            dispatcher_.end_callback(index, attempt, now);
            refuse_callback(found->second, attempt, which, errc::cancelled,
                            "nobody waits for this call any more", out);
        }
    }
}

// What a callable calls may need this very worker. Another may be chosen in its place.
void manager::keep_while_asking(link& from) {
    if (!from.is_given_back || !from.group) return;
    standing_request& of = requests_.at(*from.group);
    std::erase_if(of.giving_back,
                  [&](const link_key& each) { return links_.at(each).index == from.index; });
    keep(from, true);
    to_give_back_.insert(*from.group);
}

void manager::on(answer_callback&& event, instant now, manager_effects& out) {
    if (!dispatcher_.orphans().empty()) [[unlikely]]
        refuse_orphans(now, out);
    const auto found = links_.find(event.link);
    if (found == links_.end()) return;  // its worker is gone, and asks nobody any more
    link& to = found->second;
    if (!to.callbacks.close(event.slot, event.attempt, event.which)) return;
    dispatcher_.end_callback(to.index, event.attempt, now);
    if (!event.failed) {
        const auto bytes_max = dispatcher_.payload_bytes_max(to.index);
        if (event.payload.size() > bytes_max) {
            event.failed =
                wire::fault{static_cast<std::uint8_t>(errc::too_large),
                            {},
                            wire::larger_than("the result of a callback", event.payload.size(),
                                              "what the worker or the relay takes", bytes_max)};
        }
    }
    link_address& address = dispatcher_.address_of(to.index);
    if (event.failed) {
        out.net.link(address).callback_failed(event.attempt, event.which, *event.failed,
                                              static_cast<std::size_t>(to.limits.text_bytes_max));
    } else if (event.payload.size() < config_.settings.limits.payload_apart_bytes) {
        out.net.link(address).carry(wire::record_type::callback_result, event.attempt, event.which,
                                    std::move(event.payload));
    } else if (auto* const large = dispatcher_.large_of(to.index)) {
        large->add({event.attempt, 0, false, std::move(event.payload), {}, 0, event.which});
        dispatcher_.pump_large_soon(to.index);
    } else {
        out.net.link_alone(address).carry_apart(wire::record_type::callback_result, event.attempt,
                                                event.which, std::move(event.payload), 0);
    }
}

}  // namespace maus::core
