#include "broker/web/core/roles.hpp"

#include "maus/wire/control.hpp"

namespace maus::web {

namespace {

using who_may = std::uint8_t;  // a bit for each role
constexpr who_may bit(role which) {
    return static_cast<who_may>(1u << static_cast<unsigned>(which));
}
constexpr who_may worker = bit(role::worker), manager = bit(role::manager),
                  observer = bit(role::observer), nobody = 0;

/// Of the types that this version knows.
who_may who_may_say(std::uint8_t type) {
    switch (type) {
        case wire::register_worker::type_number:
        case wire::accepted::type_number:
        case wire::refused::type_number:
        case wire::available::type_number:
        case wire::occupied::type_number: return worker;
        case wire::register_manager::type_number:
        case wire::request::type_number:
        case wire::cancel::type_number:
        case wire::worker_lost::type_number: return manager;
        case wire::status_query::type_number: return manager | observer;
        case wire::ping::type_number:
        case wire::goodbye::type_number:
        case wire::unimplemented::type_number: return worker | manager | observer;
        default: return nobody;
    }
}

judgement refusal(role who, const std::string& what) {
    return {verdict::refuse, 0, "a " + std::string(to_string(who)) + " may not " + what};
}

/// Of a version that is spoken, on the channel for control messages.
judgement judge_control(role who, std::uint8_t type, const wire::message& said,
                        const limits& bounds) {
    if (!said.rest.empty()) return {verdict::malformed, 0, "a control message is one frame"};
    if (said.first.size() > bounds.control_bytes_max) {
        return {verdict::malformed, 0, "a control message is too large"};
    }
    if ((who_may_say(type) & bit(who)) == 0) {
        // Decoded only to see whether it is known.
        const auto read = wire::decode_control(said, bounds);
        if (!read && read.why().code == errc::unimplemented) {
            return {wire::is_skipped(type) ? verdict::skip : verdict::answer_unimplemented, type};
        }
        return refusal(who, "say a control message of type " + std::to_string(type));
    }
    if (type != wire::register_manager::type_number) return {};
    // Workers would connect to an address that a page chose.
    const auto read = wire::decode_control(said, bounds);
    if (!read) return {verdict::malformed, 0, read.why().message};
    const auto& body = std::get<wire::register_manager>(read.value());
    if (!body.endpoints.empty()) return refusal(who, "have endpoints: its workers are relayed");
    return {};
}

}  // namespace

std::string_view to_string(role which) {
    switch (which) {
        case role::worker: return "worker";
        case role::manager: return "manager";
        case role::observer: return "observer";
    }
    return "?";
}

judgement judge(role who, const wire::message& said, const limits& bounds) {
    const auto head = wire::read_header(said.first.view());
    if (!head) return {verdict::malformed, 0, head.why().message};
    if (head.value().version != wire::version) {
        return {verdict::malformed, 0, wire::other_version(head.value().version).message};
    }
    switch (head.value().channel) {
        case wire::channel::control: return judge_control(who, head.value().type, said, bounds);
        case wire::channel::relay:
            if (who == role::observer) return refusal(who, "relay");
            if (const auto lease = wire::peek_relay(said); !lease) {
                return {verdict::malformed, 0, lease.why().message};
            }
            return {};
        case wire::channel::link: break;
    }
    return {verdict::malformed, 0, "a link message has to be relayed"};
}

}  // namespace maus::web
