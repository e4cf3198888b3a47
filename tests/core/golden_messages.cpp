// Sections 4 to 7 of PROTOCOL.md as bytes: headers, every control message, every record, relay
// messages, and what may be added to them.
#include "golden.hpp"
#include "maus/wire/call_extensions.hpp"
#include "maus/wire/functions.hpp"
#include "maus/wire/request_label.hpp"
#include "maus/wire/streams.hpp"
#include "talk.hpp"

namespace golden {

namespace {

using namespace maus;
using type = wire::record_type;

const limits bounds;

frames to_frames(const wire::message& message) {
    frames made{std::string(base::as_text(message.first.view()))};
    for (const auto& frame : message.rest) made.emplace_back(base::as_text(frame.view()));
    return made;
}
wire::message to_message(const frames& from) {
    wire::message made;
    made.first.append(base::as_bytes(from.at(0)));
    for (std::size_t i = 1; i < from.size(); ++i) made.rest.emplace_back(base::as_bytes(from[i]));
    return made;
}

/// Two that nobody knows: of a tag that may be assigned one day, and of one for experiments.
wire::extensions unknown() { return {{7, base::as_bytes("seven")}, {40000, base::as_bytes("")}}; }

// --- control ---------------------------------------------------------------------------------

frames control_again(const frames& stored) {
    const wire::message message = to_message(stored);
    wire::extensions extended;
    const auto read = wire::decode_control(message, bounds, &extended);
    if (!read) return {"does not decode: " + read.why().message};
    return to_frames(wire::encode_control(read.value(), extended));
}

void add_control(std::vector<item>& to, const std::string& name, const wire::control& body) {
    const wire::message plain = wire::encode_control(body);
    const auto number = std::to_string(std::to_integer<int>(plain.first.view()[5]));
    const std::string title = "control message " + number + ", " + name;
    to.push_back({"control/" + name, title, to_frames(plain), control_again});
    to.push_back({"control/" + name + "_extended", title + ", with two unknown extensions",
                  to_frames(wire::encode_control(body, unknown())), control_again});
}

// A status query or a status in pages: the extension's bytes are whatever the parkserver makes.
void add_page(std::vector<item>& to, const std::string& name, const wire::control& body,
              const std::string& title, std::string_view begin) {
    const wire::extensions extended{{wire::page_tag, base::as_bytes(begin)}};
    to.push_back(
        {"control/" + name, title, to_frames(wire::encode_control(body, extended)), control_again});
}

/// Functions 2 and on, behind those of the body.
std::string dynamic_functions() {
    base::buffer bytes;
    wire::encode(bytes, std::vector<std::string>{"count(...)->any"});
    return std::string(base::as_text(bytes.view()));
}

template <class... Ts>
void add_extension(std::vector<item>& to, const std::string& name, const wire::control& body,
                   const std::string& title, std::uint16_t tag, const Ts&... values) {
    base::buffer bytes;
    wire::encode(bytes, values...);
    to.push_back({"control/" + name, title,
                  to_frames(wire::encode_control(body, {{tag, bytes.view()}})), control_again});
}

const auto worker = talk::id<base::worker_id>(0x11);
const auto manager = talk::id<base::manager_id>(0x22);
const auto token = talk::id<base::token>(0x33);
const auto parkserver = talk::id<base::parkserver_id>(0x44);
const base::lease_id lease{7, 1};
const wire::capabilities can{{"feature", "other"}, {{1, 67108864}, {900, 5}}};

wire::register_worker a_worker() {
    wire::register_worker body;
    body.worker = worker;
    body.incarnation = {2};
    body.type = "default";
    body.signatures = {"add(i32,i32)->i32", "name()->str"};
    body.concurrency = 4;
    body.interval_ms = 1000;
    body.liveness = 3;
    body.host = "host";
    body.pid = 4321;
    return body;
}

wire::status a_status() {
    wire::worker_status one;
    one.worker = worker;
    one.incarnation = {2};
    one.type = "default";
    one.signatures = {"add(i32,i32)->i32"};
    one.concurrency = 4;
    one.host = "host";
    one.pid = 4321;
    one.state = wire::worker_state::leased;
    one.lease = lease;
    one.manager = manager;
    one.age_ms = 5000;
    wire::status body{"0.1.0", parkserver, 7, 60000, {one}, {}, {}};
    body.managers.push_back({manager, {"tcp://127.0.0.1:8124"}, "host", 4322, 4000});
    body.requests.push_back({manager, {1}, "default", 2, 1, 3000});
    return body;
}

void add_elastic(std::vector<item>& to) {
    const wire::request asked{{1}, token, "default", 0, {{lease, worker}}};
    add_extension(to, "request_elastic", asked,
                  "control message 3, request, elastic: at least 1, no bound", wire::elastic_tag,
                  wire::elastic{1, 0});
    add_extension(to, "request_elastic_bounded", asked,
                  "control message 3, request, elastic: at least 2, at most 8", wire::elastic_tag,
                  wire::elastic{2, 8});
    const std::vector<wire::elastic_status> rows{{manager, {1}, {1, 8}, 5}};
    add_extension(to, "status_elastic", a_status(),
                  "control message 73, status, a page whose request is elastic: at least 1, at "
                  "most 8, its share is 5",
                  wire::elastic_tag, rows);
    to.push_back(
        {"control/request_label", "control message 3, request, called \"nightly\"",
         to_frames(wire::encode_control(asked, {{wire::label_tag, base::as_bytes("nightly")}})),
         control_again});
    const std::vector<wire::labelled_request> labels{{manager, {1}, "nightly"}};
    add_extension(to, "status_label", a_status(),
                  "control message 73, status, a page whose request is called \"nightly\"",
                  wire::label_tag, labels);
}

void add_all_control(std::vector<item>& to) {
    add_control(to, "register_worker", a_worker());
    const std::string functions = dynamic_functions();
    to.push_back({"control/register_worker_dynamic",
                  "control message 1, register_worker, with a dynamic function",
                  to_frames(wire::encode_control(
                      a_worker(), {{wire::dynamic_functions_tag, base::as_bytes(functions)}})),
                  control_again});
    wire::register_worker serves = a_worker();
    serves.free = false;
    serves.serving = wire::service{lease, manager, token};
    serves.can = can;
    add_control(to, "register_worker_serving", serves);
    const std::vector<std::string> endpoints = {"tcp://127.0.0.1:8124", "ipc:///tmp/m"};
    add_control(to, "register_manager",
                wire::register_manager{manager, {2}, endpoints, 1000, 3, "host", 4322, can});
    add_control(to, "request", wire::request{{1}, token, "default", 2, {{lease, worker}}});
    add_control(to, "cancel", wire::cancel{{1}});
    add_control(to, "accepted", wire::accepted{lease});
    add_control(to, "refused", wire::refused{lease, 13, "busy"});
    add_control(to, "available", wire::available{lease});
    add_control(to, "occupied", wire::occupied{{lease, manager, token}});
    add_control(to, "worker_lost", wire::worker_lost{{1}, lease, worker});
    add_control(to, "ping", wire::ping{0x0102030405060708});
    add_control(to, "goodbye", wire::goodbye{"the worker stops"});
    add_control(to, "status_query", wire::status_query{});
    add_control(to, "unimplemented", wire::unimplemented{100});
    add_control(to, "registered", wire::registered{parkserver, 7, 1000, 3, can});
    add_control(to, "register_again", wire::register_again{});
    add_control(to, "rejected", wire::rejected{15, "no"});
    add_control(to, "assign", wire::assign{lease, token, manager, endpoints});
    add_control(to, "lease_ended", wire::lease_ended{lease, "the worker left"});
    add_control(to, "granted", wire::granted{{1}, lease, worker});
    add_control(to, "pong", wire::pong{0x0102030405060708});
    add_control(to, "parkserver_goodbye", wire::parkserver_goodbye{"the parkserver stops"});
    add_control(to, "status", a_status());
    add_control(to, "parkserver_unimplemented", wire::parkserver_unimplemented{100});
    add_control(to, "fair_share", wire::fair_share{{1}, 5, lease});
    add_elastic(to);
    add_page(to, "status_query_first_page", wire::status_query{},
             "control message 12, status_query, of the first page", {});
    add_page(to, "status_query_next_page", wire::status_query{},
             "control message 12, status_query, of the page that begins at \"abc\"", "abc");
    add_page(to, "status_page", a_status(),
             "control message 73, status, a page; the next one begins at \"abc\"", "abc");
}

// --- link ------------------------------------------------------------------------------------

bool callback_again(const wire::record& read, wire::attempt of, base::byte_view body,
                    wire::link_writer& to) {
    const auto which = wire::take_callback(read, body);
    if (!which) return false;
    if (read.type == type::callback_failed) {
        const auto fault = wire::decode_fault(body, bounds);
        if (fault) to.callback_failed(of, *which, fault.value(), bounds.text_bytes_max);
        return fault.ok();
    }
    base::buffer payload;
    wire::take_carried(read, body, payload);
    to.carry(read.type, of, *which, std::move(payload));
    return true;
}

// Reads a record and writes it again. False: it cannot be read.
bool again(const wire::record& read, wire::link_writer& to) {
    base::byte_view body = read.body;
    switch (read.type) {
        case type::hello: {
            wire::extensions extended;
            const auto hello = wire::decode_hello(body, bounds, &extended);
            if (hello) to.say(hello.value(), extended);
            return hello.ok();
        }
        case type::welcome: {
            wire::extensions extended;
            const auto welcome = wire::decode_welcome(body, bounds, &extended);
            if (welcome) to.say(welcome.value(), extended);
            return welcome.ok();
        }
        case type::ping:
        case type::pong:
        case type::worker_taken:
        case type::manager_taken: {
            const auto stamp = wire::decode_stamp(body);
            if (stamp) to.stamp(read.type, *stamp);
            return stamp.has_value();
        }
        case type::reject:
        case type::worker_goodbye:
        case type::manager_goodbye: {
            const auto parting = wire::decode_parting(body, bounds);
            if (!parting) return false;
            to.part(read.type, wire::code_of(parting.value().error), parting.value().why);
            return true;
        }
        case type::worker_unimplemented:
        case type::manager_unimplemented: {
            const auto unknown_type = wire::decode_unimplemented(body);
            if (unknown_type) to.unimplemented(read.type, *unknown_type);
            return unknown_type.has_value();
        }
        case type::script: {
            const auto text = wire::decode_script(body, limits{});
            if (text) to.say(text.value());
            return text.ok();
        }
        case type::rejected_by: {
            const auto who = wire::decode_rejected_by(body);
            if (who) to.say(wire::rejected_by{*who});
            return who.has_value();
        }
        case type::item: {
            auto items = wire::take_items(read);
            if (!items) return false;
            to.items(items->of, items->count, std::move(items->payload), read.apart != nullptr);
            return true;
        }
        case type::more: {
            const auto more = wire::decode_more(body);
            if (more) to.more(more->of, more->items, more->bytes);
            return more.has_value();
        }
        default: break;
    }
    const auto attempt = wire::take_attempt(body);
    if (!attempt) return false;
    if (read.type == type::callback || read.type == type::callback_result ||
        read.type == type::callback_failed) {
        return callback_again(read, *attempt, body, to);
    }
    if (read.type == type::failed) {
        const auto fault = wire::decode_fault(body, bounds);
        if (fault) to.failed(*attempt, fault.value());
        return fault.ok();
    }
    if (read.type == type::progress) {
        const auto how_far = wire::decode_progress(body, bounds);
        if (how_far) to.progressed(*attempt, how_far.value(), bounds.text_bytes_max);
        return how_far.ok();
    }
    if (read.type != type::call && read.type != type::result) {
        to.about(read.type, *attempt);
        return body.empty();
    }
    base::buffer payload;
    std::unique_ptr<base::buffer> encoded;
    wire::take_payload(read, body, payload, &encoded);
    wire::extensions extended;
    if (encoded && wire::decode_extensions(encoded->view(), bounds.extensions_max, &extended)) {
        return false;
    }
    const bool once = (read.flags & wire::flag_at_most_once) != 0;
    if (read.type == type::call && encoded) {
        to.call(*attempt, read.function, once, payload, extended);
    } else if (read.type == type::call) {
        to.call(*attempt, read.function, once, payload);
    } else if (encoded) {
        to.result(*attempt, std::move(payload), extended);
    } else {
        to.result(*attempt, std::move(payload));
    }
    return true;
}

frames link_again(const frames& stored) {
    wire::message message = to_message(stored);
    if (!wire::read_header(message.first.view())) return {"no header"};
    wire::message made;
    wire::link_writer writer{made, bounds};
    wire::link_reader reader{message};
    wire::record read;
    while (reader.next(read)) {
        if (!again(read, writer)) return {"a record does not decode"};
    }
    if (reader.violation()) return {"a violation: " + reader.violation()->message};
    return to_frames(made);
}

template <class Write>
void add_link(std::vector<item>& to, const std::string& name, const std::string& title,
              Write write) {
    wire::message made;
    write(wire::link_writer{made, bounds});
    to.push_back({"link/" + name, title, to_frames(made), link_again});
}

wire::hello a_hello() {
    wire::hello body;
    body.token = token;
    body.worker = worker;
    body.incarnation = {2};
    body.lease = lease;
    body.type = "default";
    body.signatures = {"add(i32,i32)->i32", "name()->str"};
    body.concurrency = 4;
    body.interval_ms = 1000;
    body.liveness = 3;
    body.host = "host";
    body.pid = 4321;
    body.stamp = 0x0102030405060708;
    body.can = can;
    return body;
}

base::buffer small() {
    base::buffer payload;
    wire::encode(payload, std::int32_t{1}, std::int32_t{1});
    return payload;
}
base::buffer large() {
    base::buffer payload;
    std::memset(payload.extend(bounds.payload_apart_bytes), 0x5A, bounds.payload_apart_bytes);
    return payload;
}

const wire::attempt attempt{{4294967296}, {1}};

void add_greetings(std::vector<item>& to) {
    const wire::welcome yes{manager, {2}, 1000, 3, 0x0102030405060708, can};
    add_link(to, "hello", "record 1, hello", [](auto out) { out.say(a_hello()); });
    add_link(to, "hello_direct", "record 1, hello in direct mode, without features", [](auto out) {
        wire::hello body = a_hello();
        body.token = {};
        body.lease = {};
        body.can = {};
        out.say(body);
    });
    add_link(to, "hello_dynamic", "record 1, hello, with a dynamic function", [](auto out) {
        const std::string functions = dynamic_functions();
        out.say(a_hello(), {{wire::dynamic_functions_tag, base::as_bytes(functions)}});
    });
    add_link(to, "hello_with_references", "record 1, hello, with a function that takes a function",
             [](auto out) {
                 wire::hello body = a_hello();
                 const wire::more_functions more({"apply(i32,fn<i32(i32)>)->i32"});
                 out.say(body, more.all());
             });
    add_link(to, "hello_extended", "record 1, hello, with two unknown extensions",
             [](auto out) { out.say(a_hello(), unknown()); });
    add_link(to, "welcome", "record 33, welcome", [&](auto out) { out.say(yes); });
    add_link(to, "welcome_extended", "record 33, welcome, with two unknown extensions",
             [&](auto out) { out.say(yes, unknown()); });
    add_link(to, "script", "record 45, script: \"x => x + 1\"", [](auto out) {
        const maus::script said("x => x + 1");
        out.say(wire::script{said.source()->id, said.source()->language, said.text()});
    });
    add_link(to, "reject", "record 34, reject",
             [](auto out) { out.part(type::reject, errc::cancelled, "no such request"); });
    add_link(to, "worker_goodbye", "record 8, goodbye of the worker",
             [](auto out) { out.part(type::worker_goodbye, errc::shutdown, "it stops"); });
    add_link(to, "manager_goodbye", "record 38, goodbye of the manager",
             [](auto out) { out.part(type::manager_goodbye, errc::cancelled, "released"); });
}

void add_calls(std::vector<item>& to) {
    const auto call = [](bool once, base::buffer payload) {
        return [once, kept = std::make_shared<base::buffer>(std::move(payload))](auto out) {
            out.call(attempt, 5, once, *kept);
        };
    };
    add_link(to, "call", "record 35, call of function 5 with (1, 1)", call(false, small()));
    add_link(to, "call_at_most_once", "record 35, call, flag bit 1", call(true, small()));
    add_link(to, "call_apart", "record 35, call, flag bit 0: 32 KiB in a frame of their own",
             call(false, large()));
    add_link(to, "call_extended", "record 35, call, flag bit 2: two unknown extensions",
             [](auto out) {
                 base::buffer payload = small();
                 out.call(attempt, 5, false, payload, unknown());
             });
    add_link(to, "call_extended_apart", "record 35, call, flag bits 0, 1 and 2", [](auto out) {
        base::buffer payload = large();
        out.call(attempt, 5, true, payload, unknown());
    });
    add_link(to, "call_of_context", "record 35, call, with time left 1 s, a label and a trace",
             [](auto out) {
                 base::buffer payload = small();
                 wire::call_extensions its;
                 its.time_left = std::chrono::seconds{1};
                 its.label = "nightly";
                 its.trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
                 out.call(attempt, 5, false, payload, wire::encoded(its).view());
             });
    add_link(to, "call_nested", "record 35, call, which a callable waits for", [](auto out) {
        base::buffer payload = small();
        wire::call_extensions its;
        its.nested = true;
        out.call(attempt, 5, false, payload, wire::encoded(its).view());
    });
    add_link(to, "call_of_stream",
             "record 35, call, with a credit of 3 items and 100 bytes, skip 2", [](auto out) {
                 base::buffer payload = small();
                 wire::call_extensions its;
                 its.stream = wire::stream_credit{3, 100, 2};
                 out.call(attempt, 5, false, payload, wire::encoded(its).view());
             });
    add_link(to, "item", "record 14, item: one, (1, 1)",
             [](auto out) { out.items(attempt, 1, small()); });
    add_link(to, "items", "record 14, item: three, each with its length, the last one empty",
             [](auto out) {
                 base::buffer payload;
                 std::uint32_t count = 0;
                 wire::add_item(payload, count, small());
                 wire::add_item(payload, count, base::buffer{base::as_bytes("abc")});
                 wire::add_item(payload, count, {});
                 out.items(attempt, count, std::move(payload));
             });
    add_link(to, "item_apart", "record 14, item, flag bit 0: in a frame of its own",
             [](auto out) { out.items(attempt, 1, small(), true); });
    add_link(to, "more", "record 44, more: 258 items, 16909060 bytes",
             [](auto out) { out.more(attempt, 0x0102, 0x01020304); });
    add_link(to, "progress", "record 129, progress: a quarter", [](auto out) {
        out.progressed(attempt, {0.25, "a quarter"}, bounds.text_bytes_max);
    });
    add_link(to, "result", "record 2, result (1, 1)",
             [](auto out) { out.result(attempt, small()); });
    add_link(to, "result_void", "record 2, result without bytes",
             [](auto out) { out.result(attempt, base::buffer{}); });
    add_link(to, "result_apart", "record 2, result, flag bit 0",
             [](auto out) { out.result(attempt, large()); });
    add_link(to, "result_extended", "record 2, result, flag bit 2: two unknown extensions",
             [](auto out) { out.result(attempt, small(), unknown()); });
    add_link(to, "failed", "record 3, failed", [](auto out) {
        out.failed(attempt, {7, "std::runtime_error", "not there"});
    });
}

void add_callbacks(std::vector<item>& to) {
    const wire::callback which{0x0102030405060708, 3};
    add_link(to, "callback", "record 12, callback of callable 3 with (1, 1)",
             [=](auto out) { out.carry(type::callback, attempt, which, small()); });
    add_link(to, "callback_apart", "record 12, callback, flag bit 0",
             [=](auto out) { out.carry(type::callback, attempt, which, large()); });
    add_link(to, "callback_result", "record 42, callback_result (1, 1)",
             [=](auto out) { out.carry(type::callback_result, attempt, which, small()); });
    add_link(to, "callback_result_apart", "record 42, callback_result, flag bit 0",
             [=](auto out) { out.carry(type::callback_result, attempt, which, large()); });
    add_link(to, "callback_failed", "record 43, callback_failed", [=](auto out) {
        out.callback_failed(attempt, which, {7, "std::runtime_error", "not there"},
                            bounds.text_bytes_max);
    });
}

void add_other_records(std::vector<item>& to) {
    const std::pair<type, const char*> about[] = {{type::returned, "returned"},
                                                  {type::detached, "detached"},
                                                  {type::started, "started"},
                                                  {type::cancel, "cancel"}};
    for (const auto& [kind, name] : about) {
        const auto number = std::to_string(static_cast<int>(kind));
        add_link(to, name, "record " + number + ", " + name,
                 [kind = kind](auto out) { out.about(kind, attempt); });
    }
    add_link(to, "ping", "record 7, ping",
             [](auto out) { out.stamp(type::ping, 0x0102030405060708); });
    add_link(to, "pong", "record 37, pong",
             [](auto out) { out.stamp(type::pong, 0x0102030405060708); });
    add_link(to, "worker_unimplemented", "record 9, unimplemented of the worker",
             [](auto out) { out.unimplemented(type::worker_unimplemented, 100); });
    add_link(to, "manager_unimplemented", "record 39, unimplemented of the manager",
             [](auto out) { out.unimplemented(type::manager_unimplemented, 100); });
    add_link(to, "rejected_by", "record 128, rejected_by", [](auto out) {
        wire::rejected_by told;
        for (std::size_t i = 0; i < told.manager.bytes.size(); ++i) {
            told.manager.bytes[i] = static_cast<std::uint8_t>(i + 1);
        }
        out.say(told);
    });
    add_link(to, "batch", "a ping, a call, a call whose payload is apart, a ping", [](auto out) {
        base::buffer first = small(), second = large();
        out.stamp(type::ping, 1);
        out.call(attempt, 0, false, first);
        out.call({{4294967297}, {2}}, 1, true, second);
        out.stamp(type::ping, 2);
    });
}

// What nobody knows is read over; it cannot be written again.
frames skipped(const frames& stored) {
    wire::message message = to_message(stored);
    wire::link_reader reader{message};
    wire::record read;
    std::size_t count = 0;
    while (reader.next(read)) ++count;
    return !reader.violation() && count == 3 ? stored : frames{"not skipped"};
}

void add_unknown_records(std::vector<item>& to) {
    wire::message made;
    wire::link_writer writer{made, bounds};
    writer.stamp(type::ping, 1);
    const std::size_t at = made.first.size();
    writer.stamp(static_cast<type>(100), 2);
    made.first.data()[at + 5] = std::byte{0xFF};
    made.first.data()[at + 6] = std::byte{9};
    made.rest.emplace_back(base::as_bytes("its frame"));
    const std::size_t last = made.first.size();
    writer.stamp(type::ping, 3);
    made.first.data()[last + 5] = std::byte{0xF0};
    to.push_back({"link/unknown",
                  "a ping, a record of the unknown type 100 with all flags and a frame, a ping with"
                  " flags 4 to 7",
                  to_frames(made), skipped});
}

// --- payloads in parts -----------------------------------------------------------------------

base::buffer first_part() { return base::buffer{base::as_bytes("the first part, ")}; }
base::buffer last_part() { return base::buffer{base::as_bytes("the last")}; }

// Read behind the first part, and written again.
frames piece_again(const frames& stored, type part) {
    wire::message message = to_message(stored);
    wire::message made;
    wire::link_writer writer{made, bounds};
    wire::unfinished_payload unfinished{part, 1000, first_part()};
    wire::link_reader reader{message, bounds.extensions_max, &unfinished};
    wire::record read;
    const std::size_t before = first_part().size();
    const auto behind = [before](const base::buffer& whole) {
        return base::buffer{whole.view().subspan(before)};
    };
    if (!reader.next(read)) {
        if (reader.violation()) return {"a violation: " + reader.violation()->message};
        writer.part_of_payload(part, before, behind(unfinished.bytes));
        return to_frames(made);
    }
    base::byte_view body = read.body;
    const auto of = wire::take_attempt(body);
    if (read.type == type::item) {
        writer.items(*of, wire::load<std::uint32_t>(body.data()), behind(*read.apart), true,
                     wire::flag_continued);
    } else if (read.type == type::result) {
        writer.last_of_result(*of, behind(*read.apart));
    } else {
        const bool once = (read.flags & wire::flag_at_most_once) != 0;
        writer.last_of_call(*of, read.function, once, behind(*read.apart));
    }
    return to_frames(made);
}

template <class Write>
void add_piece(std::vector<item>& to, const std::string& name, const std::string& title, type part,
               Write write) {
    wire::message made;
    write(wire::link_writer{made, bounds});
    to.push_back({"link/" + name, title, to_frames(made),
                  [part](const frames& stored) { return piece_again(stored, part); }});
}

void add_parts(std::vector<item>& to) {
    const auto part = [](type kind) {
        return [kind](auto out) {
            out.part_of_payload(kind, first_part().size(), base::buffer{base::as_bytes("more")});
        };
    };
    add_piece(to, "worker_part", "record 10, part of the worker, from byte 16 on",
              type::worker_part, part(type::worker_part));
    add_piece(to, "manager_part", "record 40, part of the manager, from byte 16 on",
              type::manager_part, part(type::manager_part));
    add_piece(to, "call_last_part", "record 35, call, flag bits 0, 1 and 4: behind parts",
              type::manager_part,
              [](auto out) { out.last_of_call(attempt, 5, true, last_part()); });
    add_piece(to, "result_last_part", "record 2, result, flag bits 0 and 4: behind parts",
              type::worker_part, [](auto out) { out.last_of_result(attempt, last_part()); });
    add_piece(to, "item_last_part", "record 14, item, flag bits 0 and 4: behind parts",
              type::worker_part,
              [](auto out) { out.items(attempt, 1, last_part(), true, wire::flag_continued); });
    add_link(to, "worker_taken", "record 11, taken of the worker",
             [](auto out) { out.taken(type::worker_taken, 0x0102030405060708); });
    add_link(to, "manager_taken", "record 41, taken of the manager",
             [](auto out) { out.taken(type::manager_taken, 0x0102030405060708); });
}

// --- headers and relay -----------------------------------------------------------------------

frames header_again(const frames& stored) {
    const auto read = wire::read_header(base::as_bytes(stored.at(0)));
    if (!read) return {"no header: " + read.why().message};
    wire::message made;
    wire::write_header(made.first, read.value().channel, read.value().type);
    return to_frames(made);
}

frames relay_again(const frames& stored) {
    const wire::message message = to_message(stored);
    const auto over = wire::peek_relay(message);
    if (!over) return {"no relay message: " + over.why().message};
    wire::message made;
    made.first = wire::relay_frame(over.value());
    wire::extensions extended;
    const auto behind = message.first.view().subspan(wire::relay_bytes);
    if (wire::decode_extensions(behind, bounds.extensions_max, &extended))
        return {"bad extensions"};
    wire::encode_extensions(made.first, extended);
    for (const auto& frame : message.rest) made.rest.push_back(frame.copy());
    return to_frames(made);
}

void add_frames(std::vector<item>& to) {
    const std::pair<wire::channel, const char*> channels[] = {{wire::channel::control, "control"},
                                                              {wire::channel::link, "link"},
                                                              {wire::channel::relay, "relay"}};
    for (const auto& [on, name] : channels) {
        wire::message made;
        wire::write_header(made.first, on, on == wire::channel::control ? 12 : 0);
        to.push_back({std::string("frames/header_") + name,
                      std::string("the header of a message on channel ") + name, to_frames(made),
                      header_again});
    }
    wire::message relayed;
    relayed.first = wire::relay_frame(lease);
    relayed.rest.emplace_back(base::as_bytes("any first frame"));
    relayed.rest.emplace_back(base::as_bytes("and any other"));
    to.push_back({"frames/relay", "a relay message of lease 7.1 with two frames inside",
                  to_frames(relayed), relay_again});
    wire::encode_extensions(relayed.first, unknown());
    to.push_back({"frames/relay_extended", "the same, with two unknown extensions",
                  to_frames(relayed), relay_again});
}

}  // namespace

void add_messages(std::vector<item>& to) {
    add_frames(to);
    add_all_control(to);
    add_greetings(to);
    add_calls(to);
    add_callbacks(to);
    add_other_records(to);
    add_unknown_records(to);
    add_parts(to);
}

}  // namespace golden
