// JSON. Ids and leases are whole; times are in ms, as their names say. Names stay as they are:
// programs rely on them. What a peer chose is ASCII here, so that no terminal obeys it.
//
// A status may hold half a million peers, so it is written an entry at a time.

#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "bin/maus/show.hpp"
#include "bin/maus/summary.hpp"

namespace maus::cli {

using nlohmann::ordered_json;

namespace {

std::string dumped(const ordered_json& shown, int indent) {
    // Names are bytes; what is no UTF-8 is replaced.
    return shown.dump(indent, ' ', true, nlohmann::json::error_handler_t::replace);
}

/// Writes one object whose members come one after the other, as dump(indent) would write it whole.
class object_writer {
public:
    object_writer(std::ostream& to, int indent) : to_(to), indent_(indent) { to_ << '{'; }

    void member(const std::string& name, const ordered_json& value) {
        begin(name);
        to_ << nested(value, 1);
    }
    /// `make` gives the entry for one of `from`.
    template <class All, class Make>
    void array(const std::string& name, const All& from, Make make) {
        array(name, from, make, [](const auto&) { return true; });
    }
    template <class All, class Make, class Belongs>
    void array(const std::string& name, const All& from, Make make, Belongs belongs) {
        begin(name);
        to_ << '[';
        bool any = false;
        for (const auto& each : from) {
            if (!belongs(each)) continue;
            if (std::exchange(any, true)) to_ << ',';
            to_ << line(2) << nested(make(each), 2);
        }
        if (any) to_ << line(1);
        to_ << ']';
    }
    void end() { to_ << line(0) << "}\n"; }

private:
    void begin(const std::string& name) {
        if (std::exchange(has_members_, true)) to_ << ',';
        to_ << line(1) << dumped(name, -1) << (indent_ < 0 ? ":" : ": ");
    }
    [[nodiscard]] std::string line(std::size_t depth) const {
        if (indent_ < 0) return {};
        return '\n' + std::string(depth * static_cast<std::size_t>(indent_), ' ');
    }
    /// No string in JSON holds a line's end, so each one is the layout's.
    [[nodiscard]] std::string nested(const ordered_json& value, std::size_t depth) const {
        std::string text = dumped(value, indent_);
        const std::string deeper = line(depth);
        for (auto at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
            text.replace(at, 1, deeper);
        }
        return text;
    }

    std::ostream& to_;
    int indent_;
    bool has_members_ = false;
};

ordered_json text_or_null(const std::string& text) {
    return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

ordered_json worker_json(const parkserver_status::worker& worker) {
    return {{"id", worker.id},
            {"incarnation", worker.incarnation},
            {"type", worker.type},
            {"functions", worker.functions},
            {"concurrency", worker.concurrency},
            {"state", to_string(worker.state)},
            {"manager", text_or_null(worker.manager)},
            {"lease", text_or_null(worker.lease)},
            {"age_ms", worker.age.count()},
            {"host", worker.host},
            {"pid", worker.pid}};
}

ordered_json manager_json(const parkserver_status::manager& manager) {
    return {{"id", manager.id},
            {"endpoints", manager.endpoints},
            {"age_ms", manager.age.count()},
            {"host", manager.host},
            {"pid", manager.pid}};
}

ordered_json request_json(const parkserver_status::request& request, const reasons& why) {
    return {{"manager", request.manager},
            {"request", request.number},
            {"type", request.type},
            {"label", text_or_null(request.label)},
            {"amount", request.amount},
            {"serving", request.serving},
            {"waiting", is_waiting(request)},
            {"age_ms", request.age.count()},
            {"min", request.min},
            {"max", request.max},
            {"share", request.share},
            {"why", text_or_null(why.of(request))}};
}

ordered_json lease_json(const parkserver_status::worker& worker) {
    return {{"lease", worker.lease},
            {"worker", worker.id},
            {"manager", text_or_null(worker.manager)},
            {"state", to_string(worker.state)}};
}

}  // namespace

void write_status_json(std::ostream& to, const parkserver_status& now, const std::string& endpoint,
                       int indent) {
    object_writer all(to, indent);
    all.member("parkserver", now.id);
    all.member("endpoint", endpoint);
    all.member("version", now.version);
    all.member("epoch", now.epoch);
    all.member("uptime_ms", now.uptime.count());
    all.array("workers", now.workers, worker_json);
    all.array("managers", now.managers, manager_json);
    all.array("requests", now.requests,
              [why = reasons(now)](const auto& each) { return request_json(each, why); });
    all.array("leases", now.workers, lease_json,
              [](const auto& worker) { return !worker.lease.empty(); });
    all.end();
}

void write_functions_json(std::ostream& to, const parkserver_status& now, const std::string& type) {
    auto all = ordered_json::array();
    for (const auto& each : functions_of(now, type)) {
        all.push_back({{"name", each.name},
                       {"signature", each.signature},
                       {"workers_by_type", each.workers_by_type}});
    }
    to << dumped(all, 2) << '\n';
}

}  // namespace maus::cli
