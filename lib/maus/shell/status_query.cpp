#include "maus/shell/status_query.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "maus/net/clock.hpp"
#include "maus/net/endpoint.hpp"
#include "maus/net/hub.hpp"

namespace maus::shell {

namespace {

constexpr std::chrono::milliseconds ask_again_after{50};
/// All pages together, in units of message_bytes_max: whatever answers there, its pages end.
constexpr std::size_t messages_max = 16;

constexpr base::duration shortest_rest = std::chrono::milliseconds{100};
constexpr base::duration longest_rest = std::chrono::seconds{2};

/// The control message. Throws if it is none.
wire::control control_in(const wire::message& answer, const limits& bounds,
                         const std::string& endpoint, wire::extensions& extended) {
    const auto head = wire::read_header(answer.first.view());
    if (!head) throw error(head.why().code, "what answers there is no parkserver");
    if (head.value().version == wire::version && head.value().channel == wire::channel::link) {
        throw error(errc::protocol_violation, endpoint + ": this is a manager, not a parkserver");
    }
    auto decoded = wire::decode_control(answer, bounds, &extended);
    if (!decoded) {
        const bool is_other = decoded.why().code == errc::version_mismatch;
        throw error(decoded.why().code, (is_other ? "cannot read what the parkserver answers: "
                                                  : "unreadable answer: ") +
                                            decoded.why().message);
    }
    return std::move(decoded).value();
}

template <class Row>
void append(std::vector<Row>& to, std::vector<Row>&& page) {
    to.insert(to.end(), std::move_iterator(page.begin()), std::move_iterator(page.end()));
}

/// One question over one connection, which is tried for as long as there is time: the parkserver may
/// just be starting. The answer comes in pages, if the parkserver knows them.
class query {
public:
    explicit query(const std::string& endpoint)
        : endpoint_(endpoint),
          hub_(settings_, [](log_level, const std::string&) {}),
          out_(settings_) {}

    told_status wait(base::instant deadline, const std::stop_token& stop) {
        deadline_ = deadline;
        const std::stop_callback stopping(stop, [this] { hub_.wake(); });
        std::vector<net::input> inputs;
        while (net::clock_now() < deadline) {
            if (stop.stop_requested()) {
                throw error(errc::cancelled, "stopped before it had answered");
            }
            if (net::clock_now() >= try_at_) connect();
            if (net::clock_now() >= ask_at_) ask();
            inputs.clear();
            hub_.drain(inputs);
            for (auto& each : inputs) {
                if (handle(each)) return std::move(told_);
            }
            hub_.apply(out_);
            if (inputs.empty() && !hub_.has_more())
                hub_.wait(std::min({deadline, try_at_, ask_at_}));
        }
        throw error(errc::deadline_exceeded, nobody_answered());
    }

private:
    void connect() {
        try_at_ = base::never;
        route_ = {route_.value + 1};
        out_.push(core::open{route_, endpoint_});
        hub_.apply(out_);
    }
    void ask() {
        ask_at_ = base::never;
        out_.control(route_, wire::status_query{}, {{wire::page_tag, next_page_.view()}});
        hub_.apply(out_);
    }
    /// Whether all was told.
    bool handle(const net::input& event) {
        if (std::holds_alternative<core::up>(event)) {
            reached_ = true;
            ask();
            return false;
        }
        if (const auto* answer = std::get_if<core::received>(&event)) return read(answer->message);
        if (reached_) {
            throw error(errc::shutdown,
                        "the parkserver at " + endpoint_ + " closed the connection");
        }
        why_not_ = std::get<core::down>(event).why;
        try_at_ = base::after(net::clock_now(), next_rest());
        return false;
    }
    /// Each failure doubles the rest, for what takes connections and drops them shall not be stormed.
    /// Towards the deadline rests are short, for who starts late shall be found all the same.
    base::duration next_rest() {
        constexpr int tries_left = 4;
        const auto left = (deadline_ - net::clock_now()) / tries_left;
        return std::clamp(std::exchange(rest_, std::min(rest_ * 2, longest_rest)), shortest_rest,
                          std::clamp(base::duration{left}, shortest_rest, longest_rest));
    }
    bool read(const wire::message& answer) {
        wire::extensions extended;
        auto said = control_in(answer, settings_.limits, endpoint_, extended);
        if (const auto* no = std::get_if<wire::rejected>(&said)) {
            refused(*no);
            return false;
        }
        auto* page = std::get_if<wire::status>(&said);
        if (page == nullptr) return false;
        bytes_ += answer.bytes();
        if (bytes_ > messages_max * settings_.limits.message_bytes_max) {
            throw error(errc::too_large, "the status at " + endpoint_ + " does not end");
        }
        append(told_.ranges, wire::elastic_rows_in(extended));
        append(told_.labels, wire::request_labels_in(extended));
        add(*page);
        const auto next = wire::find(extended, wire::page_tag);
        if (!next) return true;
        next_page_.clear();
        next_page_.append(*next);
        ask();
        return false;
    }
    void refused(const wire::rejected& no) {
        if (wire::code_of(no.error) != errc::overloaded) {
            throw error(wire::code_of(no.error),
                        "the parkserver refuses: " + wire::printable(no.why));
        }
        busy_ = wire::printable(no.why);
        ask_at_ = base::after(net::clock_now(), ask_again_after);
    }
    void add(wire::status& page) {
        auto& [version, id, epoch, uptime_ms, workers, managers, requests] = told_.rows;
        version = std::move(page.version);
        id = page.parkserver;
        epoch = page.epoch;
        uptime_ms = page.uptime_ms;
        append(workers, std::move(page.workers));
        append(managers, std::move(page.managers));
        append(requests, std::move(page.requests));
    }
    [[nodiscard]] std::string nobody_answered() const {
        if (!busy_.empty()) return "the parkserver at " + endpoint_ + " is too busy: " + busy_;
        if (reached_) return endpoint_ + " is there but does not answer as a parkserver";
        return "no parkserver answers at " + endpoint_ +
               (why_not_.empty() ? "" : " (" + why_not_ + ")") +
               "; is it running? start one with: maus-parkserver --bind " + endpoint_;
    }

    base::route route_{};
    base::instant try_at_{};
    base::instant deadline_ = base::never;
    base::duration rest_ = shortest_rest;
    base::instant ask_at_ = base::never;  // again
    told_status told_;                    // so far
    base::buffer next_page_;
    std::size_t bytes_ = 0;
    const std::string endpoint_;
    const base::settings settings_;
    std::string why_not_;
    std::string busy_;
    net::hub hub_;
    core::outbox out_;
    bool reached_ = false;
};

template <class Id>
std::string text_of(const Id& id) {
    return id.none() ? std::string{} : to_string(id);
}
std::chrono::milliseconds ms(std::uint64_t count) {
    return std::chrono::milliseconds{static_cast<std::int64_t>(count)};
}
worker_state state_of(wire::worker_state state) {
    switch (state) {
        case wire::worker_state::occupied: break;
        case wire::worker_state::available: return worker_state::available;
        case wire::worker_state::offered: return worker_state::offered;
        case wire::worker_state::leased: return worker_state::leased;
    }
    return worker_state::occupied;
}

parkserver_status::worker public_entry(wire::worker_status&& of) {
    return {text_of(of.worker), of.incarnation.value,
            std::move(of.type), std::move(of.signatures),
            of.concurrency,     state_of(of.state),
            text_of(of.lease),  text_of(of.manager),
            std::move(of.host), of.pid,
            ms(of.age_ms)};
}
parkserver_status::manager public_entry(wire::manager_status&& of) {
    return {text_of(of.manager), std::move(of.endpoints), std::move(of.host), of.pid,
            ms(of.age_ms)};
}
parkserver_status::request public_entry(wire::request_status&& of) {
    return {text_of(of.manager), of.request.value, std::move(of.type),
            of.amount,           of.serving,       ms(of.age_ms)};
}
// What extensions tell of requests goes to these.
template <class Row, class Take>
void add_to_requests(parkserver_status& to, const std::vector<Row>& rows, Take take) {
    std::map<std::pair<std::string, std::uint64_t>, const Row*> by_request;
    for (const auto& each : rows) by_request[{text_of(each.manager), each.request.value}] = &each;
    for (auto& each : to.requests) {
        const auto found = by_request.find({each.manager, each.number});
        if (found != by_request.end()) take(each, *found->second);
    }
}
void take_range(parkserver_status::request& to, const wire::elastic_status& of) {
    to.min = of.range.min;
    to.max = of.range.max;
    to.share = of.share;
}
void take_label(parkserver_status::request& to, const wire::labelled_request& of) {
    to.label = of.label;
}

}  // namespace

told_status query_status(const std::string& endpoint, base::duration timeout,
                         std::stop_token stop) {
    net::check_endpoint(endpoint);
    return query(endpoint).wait(base::after(net::clock_now(), timeout), stop);
}

parkserver_status public_status(told_status&& whole) {
    wire::status& answer = whole.rows;
    parkserver_status told;
    told.id = text_of(answer.parkserver);
    told.version = std::move(answer.version);
    told.epoch = answer.epoch;
    told.uptime = ms(answer.uptime_ms);
    for (auto& each : answer.workers) told.workers.push_back(public_entry(std::move(each)));
    for (auto& each : answer.managers) told.managers.push_back(public_entry(std::move(each)));
    for (auto& each : answer.requests) told.requests.push_back(public_entry(std::move(each)));
    add_to_requests(told, whole.ranges, take_range);
    add_to_requests(told, whole.labels, take_label);
    return told;
}

}  // namespace maus::shell
