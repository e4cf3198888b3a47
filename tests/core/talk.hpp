// What a machine says, as lines that a test can compare: "7 assign 1.1", "9 call 4294967296/1".
//
// The number is the route's; a message that is relayed shows its lease behind it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "maus/core/outbox.hpp"
#include "maus/wire/elastic.hpp"
#include "maus/wire/streams.hpp"

namespace talk {

using namespace maus;
using lines = std::vector<std::string>;

inline constexpr base::instant start{std::chrono::hours{1}};
inline base::instant at_ms(std::int64_t ms) { return start + std::chrono::milliseconds{ms}; }

/// An id that is easy to tell: all its bytes are `number`.
template <class Id>
Id id(std::uint8_t number) {
    Id made;
    made.bytes.fill(number);
    return made;
}

inline std::string name_of(wire::record_type type) {
    static const std::map<wire::record_type, std::string> names = {
        {wire::record_type::hello, "hello"},
        {wire::record_type::result, "result"},
        {wire::record_type::failed, "failed"},
        {wire::record_type::returned, "returned"},
        {wire::record_type::detached, "detached"},
        {wire::record_type::started, "started"},
        {wire::record_type::ping, "ping"},
        {wire::record_type::worker_goodbye, "goodbye"},
        {wire::record_type::welcome, "welcome"},
        {wire::record_type::reject, "reject"},
        {wire::record_type::call, "call"},
        {wire::record_type::cancel, "cancel"},
        {wire::record_type::pong, "pong"},
        {wire::record_type::manager_goodbye, "goodbye"},
        {wire::record_type::worker_unimplemented, "unimplemented"},
        {wire::record_type::manager_unimplemented, "unimplemented"},
        {wire::record_type::worker_taken, "taken"},
        {wire::record_type::manager_taken, "taken"},
        {wire::record_type::item, "item"},
        {wire::record_type::more, "more"},
        {wire::record_type::script, "script"},
        {wire::record_type::rejected_by, "rejected_by"}};
    const auto found = names.find(type);
    return found == names.end() ? "?" : found->second;
}

struct spell {
    std::string operator()(const wire::register_worker& m) const {
        return std::string("register_worker") + (m.free ? " free" : "") +
               (m.serving ? " serving " + to_string(m.serving->lease) : "");
    }
    std::string operator()(const wire::register_manager&) const { return "register_manager"; }
    std::string operator()(const wire::request& m) const {
        std::string text = "request " + std::to_string(m.request.value) + " of " +
                           std::to_string(m.amount) + " " + m.type;
        for (const auto& each : m.held) text += " held " + to_string(each.lease);
        return text;
    }
    std::string operator()(const wire::cancel& m) const {
        return "cancel " + std::to_string(m.request.value);
    }
    std::string operator()(const wire::accepted& m) const {
        return "accepted " + to_string(m.lease);
    }
    std::string operator()(const wire::refused& m) const { return "refused " + to_string(m.lease); }
    std::string operator()(const wire::available& m) const {
        return "available " + to_string(m.ended);
    }
    std::string operator()(const wire::occupied& m) const {
        return "occupied " + to_string(m.serving.lease);
    }
    std::string operator()(const wire::worker_lost& m) const {
        return "worker_lost " + to_string(m.lease);
    }
    std::string operator()(const wire::assign& m) const { return "assign " + to_string(m.lease); }
    std::string operator()(const wire::lease_ended& m) const {
        return "lease_ended " + to_string(m.lease);
    }
    std::string operator()(const wire::granted& m) const { return "granted " + to_string(m.lease); }
    std::string operator()(const wire::rejected& m) const {
        return "rejected " + std::string(to_string(wire::code_of(m.error)));
    }
    std::string operator()(const wire::registered&) const { return "registered"; }
    std::string operator()(const wire::register_again&) const { return "register_again"; }
    std::string operator()(const wire::ping&) const { return "ping"; }
    std::string operator()(const wire::pong&) const { return "pong"; }
    std::string operator()(const wire::goodbye&) const { return "goodbye"; }
    std::string operator()(const wire::parkserver_goodbye&) const { return "goodbye"; }
    std::string operator()(const wire::status_query&) const { return "status_query"; }
    std::string operator()(const wire::status&) const { return "status"; }
    std::string operator()(const wire::unimplemented& m) const {
        return "unimplemented " + std::to_string(m.type);
    }
    std::string operator()(const wire::parkserver_unimplemented& m) const {
        return "unimplemented " + std::to_string(m.type);
    }
    std::string operator()(const wire::fair_share& m) const {
        return "fair_share " + std::to_string(m.request.value) + " " + std::to_string(m.workers);
    }
};

/// " from 1 to 8": of an elastic request.
inline std::string spell_range(const wire::extensions& extended) {
    const auto range = wire::elastic_in(extended);
    if (!range || !range.value()) return {};
    const wire::elastic& its = *range.value();
    const std::string most = its.max == 0 ? "any" : std::to_string(its.max);
    return " from " + std::to_string(its.min) + " to " + most;
}

/// Readers join parts, and do not show them.
inline bool is_part(const wire::message& what) {
    constexpr std::size_t type_at = wire::header_bytes + 4;
    return what.first.size() > type_at &&
           wire::is_part(static_cast<wire::record_type>(what.first.data()[type_at]));
}

inline void spell_link(wire::message& what, const std::string& to, lines& said) {
    if (is_part(what)) return said.push_back(to + "part " + std::to_string(what.rest.at(0).size()));
    wire::link_reader records{what};
    wire::record record;
    while (records.next(record)) {
        std::string line = to + name_of(record.type);
        base::byte_view body = record.body;
        switch (record.type) {
            case wire::record_type::result:
            case wire::record_type::failed:
            case wire::record_type::returned:
            case wire::record_type::detached:
            case wire::record_type::started:
            case wire::record_type::call:
            case wire::record_type::cancel:
                if (const auto of = wire::take_attempt(body)) {
                    line += " " + std::to_string(of->call.value) + "/" +
                            std::to_string(of->number.value);
                }
                break;
            case wire::record_type::item:  // so many of them
                if (const auto items = wire::take_items(record)) {
                    line += " " + std::to_string(items->of.call.value) + "/" +
                            std::to_string(items->of.number.value) + " x" +
                            std::to_string(items->count);
                }
                break;
            case wire::record_type::more:
                if (const auto more = wire::decode_more(record.body)) {
                    line += " " + std::to_string(more->of.call.value) + "/" +
                            std::to_string(more->of.number.value) + " items " +
                            std::to_string(more->items) + " bytes " + std::to_string(more->bytes);
                }
                break;
            case wire::record_type::reject:
            case wire::record_type::manager_goodbye:
            case wire::record_type::worker_goodbye:
                if (const auto why = wire::decode_parting(record.body, limits{})) {
                    line += " " + std::string(to_string(wire::code_of(why.value().error)));
                }
                break;
            default: break;
        }
        said.push_back(std::move(line));
    }
}

/// All that the outbox holds but notes, in order; the outbox is empty afterwards.
inline lines take(core::outbox& out) {
    lines said;
    for (auto& effect : out.effects()) {
        if (const auto* dial = std::get_if<core::open>(&effect)) {
            said.push_back(std::to_string(dial->to.value) + " open " + dial->endpoint);
        } else if (const auto* part = std::get_if<core::close>(&effect)) {
            said.push_back(std::to_string(part->to.value) + " close");
        } else if (auto* say = std::get_if<core::send>(&effect)) {
            std::string to = std::to_string(say->to.value) + " ";
            if (say->relayed) to += "relay " + to_string(*say->relayed) + " ";
            const auto head = wire::read_header(say->message.first.view());
            if (head && head.value().channel == wire::channel::link) {
                spell_link(say->message, to, said);
            } else if (head && head.value().channel == wire::channel::relay) {
                said.push_back(to + "relay");
            } else {
                wire::extensions extended;
                const auto decoded = wire::decode_control(say->message, limits{}, &extended);
                said.push_back(to + (decoded ? std::visit(spell{}, decoded.value()) : "?") +
                               spell_range(extended));
            }
        }
    }
    out.clear();
    return said;
}

/// Without the heartbeats.
inline lines take_news(core::outbox& out) {
    lines said = take(out);
    std::erase_if(said, [](const std::string& line) {
        return line.ends_with("ping") || line.ends_with("pong");
    });
    return said;
}

/// A link message with one record, made by `write(link_writer&)`.
template <class Write>
wire::message link_message(const limits& bounds, Write write) {
    wire::message made;
    wire::link_writer writer{made, bounds};
    write(writer);
    return made;
}

}  // namespace talk
