// How the stage puts messages into words.
#include <algorithm>

#include "maus/wire/archive.hpp"
#include "maus/wire/elastic.hpp"
#include "maus/wire/streams.hpp"
#include "stage.hpp"

namespace dialogue {

namespace core = maus::core;
namespace wire_ = maus::wire;

namespace {
std::string worded(std::uint8_t error, const std::string& why) {
    return std::string(maus::to_string(wire_::code_of(error))) + " (" + why + ")";
}
void replace_all(std::string& in, const std::string& what, const std::string& by) {
    for (auto at = in.find(what); at != std::string::npos; at = in.find(what, at + by.size())) {
        in.replace(at, what.size(), by);
    }
}
std::string number_in(maus::base::byte_view payload) {
    const auto read = wire_::decode<std::int32_t>(payload);
    return read ? std::to_string(std::get<0>(read.value())) : "?";
}
}  // namespace

std::string numbers_in(const wire_::items& all) {
    std::string text;
    maus::base::byte_view left = all.payload.view();
    for (std::uint32_t i = 0; i < all.count; ++i) {
        text += (text.empty() ? "" : ", ") + number_in(wire_::next_item(left, all.count));
    }
    return text;
}

/// One overload for each message.
struct teller {
    const stage& on;

    std::string list(const std::vector<wire_::held_worker>& held) const {
        std::string text;
        for (const auto& each : held) text += (text.empty() ? "" : ", ") + to_string(each.worker);
        return text.empty() ? "nobody" : text;
    }
    std::string of(const wire_::service& what) const {
        return to_string(what.manager) + " (" + on.name_of(what.lease) + ")";
    }

    std::string operator()(const wire_::register_worker& what) const {
        const std::string type = what.type == "default" ? "" : " of type " + what.type;
        if (what.serving) return "register: a worker" + type + " that serves " + of(*what.serving);
        return "register: a worker" + type + (what.free ? ", free" : ", not free");
    }
    std::string operator()(const wire_::register_manager& what) const {
        return what.endpoints.empty() ? "register: a manager without an address"
                                      : "register: a manager";
    }
    std::string operator()(const wire_::request& what) const {
        const std::string amount = what.amount == 0 ? "all" : std::to_string(what.amount);
        return "request " + std::to_string(what.request.value) + ": " + amount + " of type " +
               what.type + ", has " + list(what.held);
    }
    std::string operator()(const wire_::cancel& what) const {
        return "cancel request " + std::to_string(what.request.value);
    }
    std::string operator()(const wire_::accepted& what) const {
        return "accepted " + on.name_of(what.lease);
    }
    std::string operator()(const wire_::refused& what) const {
        return "refused " + on.name_of(what.lease) + ": " + worded(what.error, what.why);
    }
    std::string operator()(const wire_::available& what) const {
        return "available" + (what.ended.none() ? "" : ", " + on.name_of(what.ended) + " is over");
    }
    std::string operator()(const wire_::occupied& what) const {
        return "occupied" + (what.serving.lease.none() ? "" : " by " + of(what.serving));
    }
    std::string operator()(const wire_::worker_lost& what) const {
        return "lost " + to_string(what.worker) + " (" + on.name_of(what.lease) + ") of request " +
               std::to_string(what.request.value);
    }
    std::string operator()(const wire_::ping&) const { return {}; }
    std::string operator()(const wire_::goodbye& what) const { return "goodbye: " + what.why; }
    std::string operator()(const wire_::unimplemented& body) const {
        return "unimplemented " + std::to_string(body.type);
    }
    std::string operator()(const wire_::parkserver_unimplemented& body) const {
        return "unimplemented " + std::to_string(body.type);
    }
    std::string operator()(const wire_::status_query&) const { return "status?"; }
    std::string operator()(const wire_::registered&) const { return "registered"; }
    std::string operator()(const wire_::register_again&) const { return "register again"; }
    std::string operator()(const wire_::rejected& what) const {
        return "rejected: " + worded(what.error, what.why);
    }
    std::string operator()(const wire_::assign& what) const {
        return "assign " + on.name_of(what.lease) + ": serve " + to_string(what.manager) +
               (what.endpoints.empty() ? ", relayed" : "");
    }
    std::string operator()(const wire_::lease_ended& what) const {
        return "lease " + on.name_of(what.lease) + " ended: " + what.why;
    }
    std::string operator()(const wire_::granted& what) const {
        return "granted " + on.name_of(what.lease) + ": " + to_string(what.worker) +
               " for request " + std::to_string(what.request.value);
    }
    std::string operator()(const wire_::pong&) const { return {}; }
    std::string operator()(const wire_::parkserver_goodbye& what) const {
        return "goodbye: " + what.why;
    }
    std::string operator()(const wire_::status&) const { return "status"; }
    std::string operator()(const wire_::fair_share& what) const {
        const std::string most =
            what.workers == 0 ? "any number" : std::to_string(what.workers) + " at most";
        return "fair share of request " + std::to_string(what.request.value) + ": " + most;
    }
};

namespace {
/// Of a payload in a frame of its own.
std::string size_of(const wire_::record& what) {
    if (what.apart == nullptr) return {};
    const bool last = (what.flags & wire_::flag_continued) != 0;
    return std::string(last ? ", the last " : ", ") + std::to_string(what.apart->size()) + " bytes";
}

/// Of a callback or its result.
std::string number_behind(const wire_::record& what) {
    maus::base::byte_view body = what.body;
    if (!wire_::take_attempt(body) || !wire_::take_callback(what, body)) return {};
    return " with " + number_in(body);
}

/// Of an elastic request.
std::string range_in(const wire_::extensions& extended) {
    const auto range = wire_::elastic_in(extended);
    if (!range || !range.value()) return {};
    const auto& [min, max] = *range.value();
    return ", elastic: from " + std::to_string(min) + " to " +
           (max == 0 ? "any number" : std::to_string(max));
}

/// Readers join parts, and do not show them.
std::string part_in(const wire_::message& what) {
    const std::byte* record = what.first.data() + wire_::header_bytes;
    const bool has_record = what.first.size() > wire_::header_bytes + wire_::record_header_bytes;
    if (!has_record || !wire_::is_part(static_cast<wire_::record_type>(record[4]))) return {};
    const auto from = wire_::load<std::uint64_t>(record + wire_::record_header_bytes);
    const std::size_t bytes = what.rest.at(0).size();
    if (bytes == 0) return "no more of it";
    return "part: bytes " + std::to_string(from) + " to " + std::to_string(from + bytes - 1);
}
}  // namespace

std::string stage::describe(const wire_::control& what) const {
    return std::visit(teller{*this}, what);
}

std::string stage::describe(const wire_::record& what) const {
    using type = wire_::record_type;
    maus::base::byte_view body = what.body;
    const auto parting = [&](const char* how) {
        const auto read = wire_::decode_parting(what.body, maus::limits{});
        return how + worded(read.value().error, read.value().why);
    };
    const auto about = [&](const char* how) {
        const auto attempt = wire_::take_attempt(body);
        const std::string name = call_of(attempt->call).name;
        const std::string which =
            attempt->number.value == 1
                ? name
                : name + " (attempt " + std::to_string(attempt->number.value) + ")";
        return how + (" " + which);
    };
    switch (what.type) {
        case type::hello: {
            const auto read = wire_::decode_hello(what.body, nodes_.front()->bounds);
            const auto lease = read.value().lease;
            return lease.none() ? "hello" : "hello, by " + name_of(lease);
        }
        case type::welcome: return "welcome";
        case type::reject: return parting("reject: ");
        case type::manager_goodbye:
        case type::worker_goodbye: return parting("goodbye: ");
        case type::ping:
        case type::pong: return {};
        case type::call: {
            const bool once = (what.flags & wire_::flag_at_most_once) != 0;
            return about("call") + (once ? ", at most once" : "") + size_of(what);
        }
        case type::result: {
            const std::string text = about("result");
            if (what.apart != nullptr) return text + size_of(what);
            return body.empty() ? text : text + " = " + number_in(body);
        }
        case type::failed: {
            const std::string text = about("failed");
            const auto read = wire_::decode_fault(body, maus::limits{});
            return text + ": " + worded(read.value().error, read.value().text);
        }
        case type::returned: return about("returned");
        case type::detached: return about("detached");
        case type::started: return about("started");
        case type::progress: return about("progress");
        case type::script: return "script";
        case type::cancel: return about("cancel");
        case type::item: {
            wire_::record copy = what;
            maus::base::buffer apart;
            if (what.apart != nullptr) apart = what.apart->copy();
            if (what.apart != nullptr) copy.apart = &apart;
            const auto items = wire_::take_items(copy);
            return about("items") + ": " + (items ? numbers_in(*items) : "none");
        }
        case type::more: {
            const auto more = wire_::decode_more(what.body);
            return about("more") + ": " + std::to_string(more->items) + " items";
        }
        case type::callback: return about("callback of") + number_behind(what);
        case type::callback_result: return about("callback_result of") + number_behind(what);
        case type::callback_failed: {
            const std::string text = about("callback_failed of");
            (void)wire_::take_callback(what, body);
            const auto read = wire_::decode_fault(body, maus::limits{});
            return text + ": " + worded(read.value().error, read.value().text);
        }
        case type::worker_taken:
        case type::manager_taken:
            return "taken " + std::to_string(*wire_::decode_stamp(what.body)) + " bytes";
        case type::worker_part:
        case type::manager_part: return "a part without its frame";
        case type::rejected_by: return "by " + to_string(*wire_::decode_rejected_by(what.body));
        case type::worker_unimplemented:
        case type::manager_unimplemented:
            return "unimplemented " + std::to_string(std::to_integer<int>(body[0]));
    }
    return "record " + std::to_string(static_cast<int>(what.type));
}

// Nothing if it is only about heartbeats.
std::string stage::describe(const wire_::message& what) const {
    const auto head = wire_::read_header(what.first.view());
    if (!head) return "something unreadable";
    if (head.value().channel == wire_::channel::control) {
        wire_::extensions extended;
        const auto read = wire_::decode_control(what, nodes_.front()->bounds, &extended);
        return read ? describe(read.value()) + range_in(extended)
                    : "unreadable: " + read.why().message;
    }
    wire_::message copy;
    copy.first = what.first.copy();
    for (const auto& frame : what.rest) copy.rest.push_back(frame.copy());
    std::string before;
    if (head.value().channel == wire_::channel::relay) {
        before = "relay " + name_of(wire_::unwrap_relay(copy).value()) + ": ";
    }
    if (const std::string part = part_in(copy); !part.empty()) return before + part;
    wire_::link_reader records{copy};
    wire_::record record;
    std::string text;
    while (records.next(record)) {
        const std::string one = describe(record);
        if (!one.empty()) text += (text.empty() ? "" : "; ") + one;
    }
    return text.empty() ? text : before + text;
}

std::string stage::name_of(maus::base::lease_id lease) const {
    if (lease.none()) return "no lease";
    const std::uint64_t number = lease.epoch / 100;
    std::string name = "?";
    for (const auto& each : nodes_) {
        if (each->number == number) name = each->name;
    }
    return name + std::string(lease.epoch % 100 - 1, '\'') + "." + std::to_string(lease.sequence);
}

const stage::call& stage::call_of(maus::base::call_id id) const {
    static const call unknown{"of nobody", nullptr, {}, {}};
    const auto found =
        std::find_if(calls_.begin(), calls_.end(), [&](const call& each) { return each.id == id; });
    return found == calls_.end() ? unknown : *found;
}

// Ids become names, and time is told when it has passed.
void stage::say(std::string line) {
    if (line.empty()) return;
    for (const auto& each : nodes_) {
        if (each->id.empty()) continue;
        replace_all(line, each->id, each->name);
        replace_all(line, each->id.substr(0, 8), each->name);
    }
    if (told_ != now_) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - told_);
        said_ += "  (" + std::to_string(ms.count()) + " ms later)\n";
        told_ = now_;
    }
    said_ += line + "\n";
}

}  // namespace dialogue
