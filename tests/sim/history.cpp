#include "history.hpp"

#include <cstdio>

namespace maus::sim {

std::string_view to_string(fact::kind what) {
    switch (what) {
        case fact::kind::booted: return "booted";
        case fact::kind::died: return "died";
        case fact::kind::submitted: return "submitted";
        case fact::kind::sent: return "sent";
        case fact::kind::started: return "started";
        case fact::kind::asks: return "asks";
        case fact::kind::hears: return "hears";
        case fact::kind::called_back: return "called back";
        case fact::kind::replied: return "replied";
        case fact::kind::dialled: return "dialled";
        case fact::kind::progressed: return "progressed";
        case fact::kind::ended: return "ended";
        case fact::kind::settled: return "settled";
        case fact::kind::cancelled: return "cancelled";
        case fact::kind::got: return "got";
        case fact::kind::read: return "read";
        case fact::kind::joined: return "joined";
        case fact::kind::left: return "left";
        case fact::kind::requested: return "requested";
        case fact::kind::released: return "released";
        case fact::kind::wanted: return "wanted";
        case fact::kind::offered: return "offered";
        case fact::kind::told: return "told";
        case fact::kind::named: return "named";
        case fact::kind::enrolled: return "enrolled";
        case fact::kind::parted: return "parted";
        case fact::kind::asked: return "asked";
        case fact::kind::unasked: return "unasked";
        case fact::kind::relayed: return "relayed";
        case fact::kind::given: return "given";
        case fact::kind::gave: return "gave";
        case fact::kind::answered: return "answered";
        case fact::kind::dismissed: return "dismissed";
        case fact::kind::greeted: return "greeted";
        case fact::kind::welcomed: return "welcomed";
        case fact::kind::stuck: return "stuck";
        case fact::kind::count: return "count";
        case fact::kind::note: return "note";
        case fact::kind::hooked: return "hooked";
        case fact::kind::hook_began: return "hook_began";
        case fact::kind::hook_ended: return "hook_ended";
        case fact::kind::freed: return "freed";
        case fact::kind::serves: return "serves";
        case fact::kind::holds: return "holds";
        case fact::kind::lost: return "lost";
        case fact::kind::row: return "row";
        case fact::kind::has: return "has";
        case fact::kind::heard: return "heard";
    }
    return "unknown";
}

std::string describe(const fact& what) {
    std::string text = "p" + std::to_string(what.process) + "." + std::to_string(what.life) + " " +
                       std::string(to_string(what.what));
    const auto add = [&](const char* name, std::uint64_t value) {
        if (value != 0) text += std::string(" ") + name + "=" + std::to_string(value);
    };
    add("ticket", what.ticket);
    add("call", what.call);
    add("attempt", what.attempt);
    add("function", what.function);
    add("group", what.group);
    add("cap", what.max_crashes);
    add("link", what.link);
    if (what.at_most_once) text += " at_most_once";
    if (!what.worker.none()) text += " worker=" + base::brief(what.worker);
    if (!what.manager.none()) text += " manager=" + base::brief(what.manager);
    if (what.worker_process != 0) {
        text +=
            " at=p" + std::to_string(what.worker_process) + "." + std::to_string(what.worker_life);
    }
    if (!what.lease.none()) text += " lease=" + to_string(what.lease);
    if (what.error) text += " error=" + std::string(to_string(*what.error));
    if (!what.right) text += " WRONG RESULT";
    if (!what.text.empty()) text += " (" + what.text + ")";
    return text;
}

void history::add(fact what) {
    what.at = time_.time();
    mix(static_cast<std::uint64_t>(what.at.time_since_epoch().count()));
    mix(static_cast<std::uint64_t>(what.what) << 56 ^
        static_cast<std::uint64_t>(what.process) << 40 ^ what.ticket << 8 ^ what.attempt);
    mix(what.call ^ (what.error ? static_cast<std::uint64_t>(*what.error) << 50 : 0));
    if (trace_) say(describe(what));
    check_(what);
}

void history::say(const std::string& text) {
    if (!trace_) return;
    std::printf("%12.6f  %s\n", static_cast<double>(time_.time().time_since_epoch().count()) / 1e9,
                text.c_str());
}

}  // namespace maus::sim
