#include "maus/wire/control.hpp"

#include "maus/wire/archive.hpp"
#include "maus/wire/signature.hpp"
#include "maus/wire/types.hpp"

namespace maus::wire {

using base::failure;
using checked = std::optional<failure>;

errc code_of(std::uint8_t number) {
    const auto code = static_cast<errc>(number);
    const bool known = code >= errc_first && code <= errc_last;
    return known ? code : errc::protocol_violation;
}

std::string_view to_string(worker_state state) {
    switch (state) {
        case worker_state::occupied: return "occupied";
        case worker_state::available: return "available";
        case worker_state::offered: return "offered";
        case worker_state::leased: return "leased";
    }
    return "unknown";
}

namespace {

checked check_endpoints(const std::vector<std::string>& endpoints, const limits& bounds) {
    if (endpoints.size() > bounds.endpoints_max) {
        return failure{errc::too_large, "more endpoints than endpoints_max"};
    }
    for (const auto& endpoint : endpoints) {
        const bool known = endpoint.starts_with("tcp://") || endpoint.starts_with("ipc://");
        if (!known || !good_name(endpoint, bounds.name_bytes_max * 2)) {
            return failure{errc::protocol_violation, "not an endpoint: " + printable(endpoint, 60)};
        }
    }
    return std::nullopt;
}

checked check_type(const std::string& type, const limits& bounds) {
    if (type.size() > bounds.name_bytes_max)
        return failure{errc::too_large, "the type is too long"};
    if (!good_name(type, bounds.name_bytes_max)) {
        return failure{errc::protocol_violation, "the type is empty or not printable"};
    }
    return std::nullopt;
}

checked within(const register_worker& read, const limits& bounds) {
    if (read.worker.none()) return failure{errc::protocol_violation, "the worker's id is 0"};
    if (auto bad = check_type(read.type, bounds)) return bad;
    if (read.host.size() > bounds.name_bytes_max) {
        return failure{errc::too_large, "the host's name is too long"};
    }
    if (auto bad = check_signatures(read.signatures, bounds)) return bad;
    if (read.free && read.serving) {
        return failure{errc::protocol_violation, "a worker that serves is not free"};
    }
    return check(read.can, bounds);
}

checked within(const register_manager& read, const limits& bounds) {
    if (read.manager.none()) return failure{errc::protocol_violation, "the manager's id is 0"};
    if (read.host.size() > bounds.name_bytes_max) {
        return failure{errc::too_large, "the host's name is too long"};
    }
    if (auto bad = check_endpoints(read.endpoints, bounds)) return bad;
    return check(read.can, bounds);
}

checked within(const registered& read, const limits& bounds) { return check(read.can, bounds); }

checked within(const request& read, const limits& bounds) {
    if (read.token.none()) return failure{errc::protocol_violation, "the token is 0"};
    if (read.held.size() > bounds.peers_max)
        return failure{errc::too_large, "too many held workers"};
    return check_type(read.type, bounds);
}

checked within(const assign& read, const limits& bounds) {
    if (read.lease.none() || read.token.none()) {
        return failure{errc::protocol_violation, "an offer without a lease or a token"};
    }
    return check_endpoints(read.endpoints, bounds);
}
checked within(const refused& read, const limits& bounds) { return check_text(read.why, bounds); }
checked within(const goodbye& read, const limits& bounds) { return check_text(read.why, bounds); }
checked within(const rejected& read, const limits& bounds) { return check_text(read.why, bounds); }
checked within(const lease_ended& read, const limits& bounds) {
    return check_text(read.why, bounds);
}
checked within(const parkserver_goodbye& read, const limits& bounds) {
    return check_text(read.why, bounds);
}

checked within(const status& read, const limits& bounds) {
    return check_text(read.version, bounds);
}

template <class Body>
checked within(const Body&, const limits&) {
    return std::nullopt;  // numbers only, or bounded by the message's size
}

template <class Body>
base::result<control> decode_body(base::byte_view bytes, const limits& bounds,
                                  extensions* extended) {
    Body body;
    if constexpr (!std::is_empty_v<Body>) {
        if (auto bad = decode_front(bytes, body)) {
            return failure{errc::protocol_violation, std::move(bad)->message};
        }
    }
    if (auto bad = decode_extensions(bytes, bounds.extensions_max, extended)) return *bad;
    if (auto bad = within(body, bounds)) return *std::move(bad);
    return control{std::move(body)};
}

template <class... Bodies>
base::result<control> decode_type(std::uint8_t type, base::byte_view bytes, const limits& bounds,
                                  extensions* extended, std::variant<Bodies...>*) {
    std::optional<base::result<control>> decoded;
    (void)((type == Bodies::type_number &&
            (decoded.emplace(decode_body<Bodies>(bytes, bounds, extended)), true)) ||
           ...);
    if (decoded) return *std::move(decoded);
    return failure{errc::unimplemented, "unknown control message " + std::to_string(type)};
}

}  // namespace

base::result<control> decode_control(const message& from, const limits& bounds,
                                     extensions* extended) {
    if (!from.rest.empty()) {
        return failure{errc::protocol_violation, "a control message is one frame"};
    }
    const auto head = read_header(from.first.view());
    if (!head) return head.why();
    if (head.value().version != version) return other_version(head.value().version);
    const bool is_status = head.value().type == status::type_number;
    if (from.first.size() > (is_status ? bounds.message_bytes_max : bounds.control_bytes_max)) {
        return failure{errc::too_large, "the control message is larger than control_bytes_max"};
    }
    return decode_type(head.value().type, from.first.view().subspan(header_bytes), bounds, extended,
                       static_cast<control*>(nullptr));
}

message encode_control(const control& body, const extensions& extended) {
    message made;
    std::visit(
        [&](const auto& each) {
            using body_type = std::decay_t<decltype(each)>;
            write_header(made.first, channel::control, body_type::type_number);
            if constexpr (!std::is_empty_v<body_type>) encode(made.first, each);
        },
        body);
    encode_extensions(made.first, extended);
    return made;
}

}  // namespace maus::wire
