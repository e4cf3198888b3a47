#include "maus/status.hpp"

#include "maus/net/clock.hpp"
#include "maus/net/endpoint.hpp"
#include "maus/net/hub.hpp"

namespace maus {

namespace {

/// Gives the status, or nothing if the message is none; throws what the parkserver complains of.
std::optional<wire::status> status_in(const wire::message& answer, const limits& bounds) {
    const auto head = wire::read_header(answer.first.view());
    if (!head) throw error(head.why().code, "what answers there is no parkserver");
    auto decoded = wire::decode_control(answer, bounds);
    if (!decoded) throw error(decoded.why().code, "unreadable answer: " + decoded.why().message);
    if (const auto* no = std::get_if<wire::rejected>(&decoded.value())) {
        throw error(wire::code_of(no->error),
                    "the parkserver refuses: " + wire::printable(no->why));
    }
    auto* told = std::get_if<wire::status>(&decoded.value());
    if (told == nullptr) return std::nullopt;
    return std::move(*told);
}

}  // namespace

parkserver_status fetch_status(const std::string& endpoint, std::chrono::milliseconds patience,
                               std::stop_token stop) {
    net::check_endpoint(endpoint);
    const base::settings settings;
    std::string trouble;
    net::hub hub(settings, [&](log_level, const std::string& text) { trouble = text; });
    const std::stop_callback stopping(stop, [&hub] { hub.wake(); });
    core::outbox out(settings);
    const base::route route{1};
    out.push(core::open{route, endpoint});
    hub.apply(out);
    const base::instant deadline = base::after(net::clock_now(), patience);
    std::vector<net::input> inputs;
    bool reached = false;
    while (trouble.empty() && net::clock_now() < deadline) {
        if (stop.stop_requested()) throw error(errc::cancelled, "stopped before it had answered");
        inputs.clear();
        hub.drain(inputs);
        for (auto& each : inputs) {
            if (std::holds_alternative<core::up>(each)) {
                reached = true;
                out.control(route, wire::status_query{});
            } else if (const auto* answer = std::get_if<core::received>(&each)) {
                if (auto told = status_in(answer->what, settings.limits)) return std::move(*told);
            } else {
                throw error(errc::shutdown,
                            "the parkserver at " + endpoint + " closed the connection");
            }
        }
        hub.apply(out);
        if (inputs.empty() && !hub.has_more()) hub.wait(deadline);
    }
    if (!trouble.empty()) throw error(errc::protocol_violation, trouble);
    throw error(errc::deadline_exceeded,
                reached
                    ? endpoint + " is there but does not answer as a parkserver"
                    : "no parkserver answers at " + endpoint +
                          "; is it running? start one with: maus-parkserver --bind " + endpoint);
}

}  // namespace maus
