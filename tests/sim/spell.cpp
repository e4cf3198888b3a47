#include "spell.hpp"

#include "maus/wire/elastic.hpp"

namespace maus::sim {

namespace {

std::string name_of(wire::record_type type) {
    switch (type) {
        case wire::record_type::hello: return "hello";
        case wire::record_type::result: return "result";
        case wire::record_type::failed: return "failed";
        case wire::record_type::returned: return "returned";
        case wire::record_type::detached: return "detached";
        case wire::record_type::started: return "started";
        case wire::record_type::ping: return "ping";
        case wire::record_type::worker_goodbye: return "goodbye";
        case wire::record_type::welcome: return "welcome";
        case wire::record_type::reject: return "reject";
        case wire::record_type::call: return "call";
        case wire::record_type::cancel: return "cancel";
        case wire::record_type::pong: return "pong";
        case wire::record_type::manager_goodbye: return "goodbye";
        case wire::record_type::worker_unimplemented:
        case wire::record_type::manager_unimplemented: return "unimplemented";
        case wire::record_type::worker_part:
        case wire::record_type::manager_part: return "part";
        case wire::record_type::worker_taken:
        case wire::record_type::manager_taken: return "taken";
        case wire::record_type::rejected_by: return "rejected_by";
        case wire::record_type::progress: return "progress";
        case wire::record_type::item: return "item";
        case wire::record_type::more: return "more";
        case wire::record_type::callback: return "callback";
        case wire::record_type::callback_result: return "callback_result";
        case wire::record_type::callback_failed: return "callback_failed";
        case wire::record_type::script: return "script";
    }
    return "?";
}

std::string spell_records(wire::message& what) {
    std::string text = "link:";
    wire::link_reader records{what};
    wire::record record;
    while (records.next(record)) {
        text += " " + name_of(record.type);
        const auto type = record.type;
        const bool about_call =
            (type >= wire::record_type::result && type <= wire::record_type::started) ||
            type == wire::record_type::call || type == wire::record_type::cancel ||
            type == wire::record_type::item || type == wire::record_type::more;
        base::byte_view body = record.body;
        if (!about_call) continue;
        if (const auto attempt = wire::take_attempt(body)) {
            text += "(" + std::to_string(attempt->call.value) + "/" +
                    std::to_string(attempt->number.value) + ")";
        }
    }
    return text;
}

struct speller {
    using lease = const base::lease_id&;
    std::string operator()(const wire::register_worker& m) const {
        std::string text = "register_worker " + brief(m.worker) + (m.free ? " free" : " not free");
        if (m.serving) text += " serving " + to_string(m.serving->lease);
        return text;
    }
    std::string operator()(const wire::register_manager& m) const {
        return "register_manager " + brief(m.manager);
    }
    std::string operator()(const wire::request& m) const {
        std::string text = "request " + std::to_string(m.request.value) + " of " +
                           std::to_string(m.amount) + " " + m.type + ", held";
        for (const auto& each : m.held)
            text += " " + brief(each.worker) + "@" + to_string(each.lease);
        return text;
    }
    std::string operator()(const wire::cancel& m) const {
        return "cancel " + std::to_string(m.request.value);
    }
    std::string operator()(const wire::accepted& m) const {
        return "accepted " + to_string(m.lease);
    }
    std::string operator()(const wire::refused& m) const {
        return "refused " + to_string(m.lease) + ": " + m.why;
    }
    std::string operator()(const wire::available& m) const {
        return "available, ended " + to_string(m.ended);
    }
    std::string operator()(const wire::occupied& m) const {
        return "occupied " + to_string(m.serving.lease);
    }
    std::string operator()(const wire::worker_lost& m) const {
        return "worker_lost " + brief(m.worker) + " " + to_string(m.lease);
    }
    std::string operator()(const wire::ping&) const { return "ping"; }
    std::string operator()(const wire::pong&) const { return "pong"; }
    std::string operator()(const wire::goodbye& m) const { return "goodbye: " + m.why; }
    std::string operator()(const wire::status_query&) const { return "status_query"; }
    std::string operator()(const wire::status&) const { return "status"; }
    std::string operator()(const wire::registered& m) const {
        return "registered, epoch " + std::to_string(m.epoch);
    }
    std::string operator()(const wire::register_again&) const { return "register_again"; }
    std::string operator()(const wire::rejected& m) const { return "rejected: " + m.why; }
    std::string operator()(const wire::assign& m) const {
        return "assign " + to_string(m.lease) + " manager " + brief(m.manager);
    }
    std::string operator()(const wire::lease_ended& m) const {
        return "lease_ended " + to_string(m.lease) + ": " + m.why;
    }
    std::string operator()(const wire::granted& m) const { return "granted " + to_string(m.lease); }
    std::string operator()(const wire::parkserver_goodbye& m) const { return "goodbye: " + m.why; }
    std::string operator()(const wire::unimplemented& m) const {
        return "unimplemented " + std::to_string(m.type);
    }
    std::string operator()(const wire::parkserver_unimplemented& m) const {
        return "unimplemented " + std::to_string(m.type);
    }
    std::string operator()(const wire::fair_share& m) const {
        return "fair_share " + std::to_string(m.request.value) + " of " + std::to_string(m.workers);
    }
};

}  // namespace

std::string spell(core::send& what) {
    const auto head = wire::read_header(what.message.first.view());
    if (!head) return "unreadable";
    switch (head.value().channel) {
        case wire::channel::relay: return "relay";
        case wire::channel::link:
            return (what.relayed ? "relay " + to_string(*what.relayed) + " " : "") +
                   spell_records(what.message);
        case wire::channel::control: break;
    }
    wire::extensions extended;
    const auto decoded = wire::decode_control(what.message, limits{}, &extended);
    if (!decoded) return "undecodable";
    std::string text = std::visit(speller{}, decoded.value());
    const auto range = wire::elastic_in(extended);
    if (range && range.value()) {
        text += ", elastic " + std::to_string(range.value()->min) + " to " +
                std::to_string(range.value()->max);
    }
    return text;
}

}  // namespace maus::sim
