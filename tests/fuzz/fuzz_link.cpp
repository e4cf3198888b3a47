// The reader of link messages and the decoders of their records: any frames are read to an end or
// to a violation; what a record says is said by the record that is written from it, too; and no
// bytes make it ask for much memory.
#include "tests/fuzz/allocations.hpp"
#include "tests/fuzz/say.hpp"
#include "tests/fuzz/say_link.hpp"

using namespace fuzz;

namespace {

limits small_limits() {
    limits made;
    made.payload_apart_bytes = 24;
    made.functions_max = 3;
    made.name_bytes_max = 30;
    made.text_bytes_max = 20;
    made.script_bytes_max = 4096 + 40;
    return made;
}
const limits bounds = small_limits();

wire::message message_from(input& in) {
    if (in.one_in(4)) return raw(in, 1024);
    wire::message made;
    wire::link_writer to{made, bounds};
    seen known;
    for (auto count = 1 + in.below(6); count != 0; --count) a_record(to, in, known);
    if (in.one_in(4)) change_flags(made, in);
    while (in.one_in(3)) damage(made, in);
    if (in.one_in(8)) {
        made.rest.insert(made.rest.begin(), std::move(made.first));
        made.first = wire::relay_frame({in.below(2), in.below(2)});
    }
    return made;
}

std::string each_of(const wire::items& all) {
    std::string said;
    base::byte_view left = all.payload.view();
    std::uint64_t bytes = 0;
    for (std::uint32_t i = 0; i < all.count; ++i) {
        const auto one = wire::next_item(left, all.count);
        bytes += one.size();
        said += " " + std::string(base::as_text(one));
    }
    require(left.empty() && bytes == all.bytes(), "items are all that a record of them has");
    return said;
}

std::string meaning_of_callback(const wire::record& record) {
    base::byte_view body = record.body;
    const auto of = wire::take_attempt(body);
    if (!of) return {};
    const auto which = wire::take_callback(record, body);
    if (!which) return {};
    std::string said = std::to_string(of->call.value) + "/" + std::to_string(of->number.value) +
                       " " + std::to_string(which->id);
    if (record.type == wire::record_type::callback) said += " f" + std::to_string(which->function);
    base::buffer rest;
    if (record.type == wire::record_type::callback_failed) {
        const auto read = wire::decode_fault(body, limits{});
        if (!read) return {};
        wire::encode(rest, read.value());
    } else {
        wire::take_carried(record, body, rest);
    }
    return said + " " + std::string(base::as_text(rest.view()));
}

// What a record says, as text; nothing if its body says nothing.
std::string meaning(const wire::record& record) {
    using type = wire::record_type;
    base::buffer again;
    base::byte_view body = record.body;
    const auto text = [&] { return std::string(base::as_text(again.view())); };
    switch (record.type) {
        case type::hello:
            if (const auto read = wire::decode_hello(body, bounds)) {
                require(!read.value().worker.none(), "a worker has an id");
                require(read.value().signatures.size() <= bounds.functions_max, "functions_max");
                wire::encode(again, read.value());
                const bool plain =
                    again.size() == body.size() && read.value().can.limits.size() < 2;
                if (plain) {
                    require(text() == base::as_text(body), "hello is encoded to the same bytes");
                }
            } else {
                require(wire::good_name(read.why().message, 4000), "a reason is fit for a log");
            }
            return text();
        case type::welcome:
            if (const auto read = wire::decode_welcome(body, bounds))
                wire::encode(again, read.value());
            return text();
        case type::reject:
        case type::worker_goodbye:
        case type::manager_goodbye:
            if (const auto read = wire::decode_parting(body, limits{}))
                wire::encode(again, read.value());
            return text();
        case type::ping:
        case type::pong:
        case type::worker_taken:
        case type::manager_taken:
            if (const auto stamp = wire::decode_stamp(body)) return std::to_string(*stamp);
            return {};
        case type::worker_unimplemented:
        case type::manager_unimplemented:
            if (const auto unknown = wire::decode_unimplemented(body))
                return std::to_string(*unknown);
            return {};
        case type::rejected_by:
            if (const auto who = wire::decode_rejected_by(body)) return to_string(*who);
            return {};
        case type::script:
            if (const auto read = wire::decode_script(body, bounds)) {
                require(read.value().text.size() < bounds.script_bytes_max, "script_bytes_max");
                wire::encode(again, read.value());
            }
            return text();
        case type::item:
            if (const auto read = wire::take_items(record)) {
                return std::to_string(read->of.call.value) + "/" +
                       std::to_string(read->of.number.value) + " x" + std::to_string(read->count) +
                       each_of(*read);
            }
            return {};
        case type::more:
            if (const auto read = wire::decode_more(body)) {
                return std::to_string(read->of.call.value) + "/" +
                       std::to_string(read->of.number.value) + " " + std::to_string(read->items) +
                       " " + std::to_string(read->bytes);
            }
            return {};
        case type::callback:
        case type::callback_result:
        case type::callback_failed: return meaning_of_callback(record);
        default: break;
    }
    if (!wire::is_known(record.type)) return {};
    const auto what = wire::take_attempt(body);
    if (!what) return {};
    std::string said = std::to_string(what->call.value) + "/" + std::to_string(what->number.value);
    if (record.type == type::failed) {
        if (const auto read = wire::decode_fault(body, limits{})) wire::encode(again, read.value());
        return said + text();
    }
    if (record.type == type::progress) {
        if (const auto read = wire::decode_progress(body, limits{}))
            wire::encode(again, read.value());
        return said + text();
    }
    base::buffer payload;
    wire::take_payload(record, body, payload);
    return said + std::string(base::as_text(payload.view()));
}

// A call or result with extensions. The payload is copied: meaning() is still to take it.
void write_extended(wire::link_writer& to, const wire::record& record) {
    wire::extensions extended;
    require(!wire::decode_extensions(record.extended, bounds.extensions_max, &extended),
            "the reader has checked extensions");
    base::byte_view body = record.body;
    const auto of = wire::take_attempt(body);
    require(of.has_value(), "and that there is an attempt before them");
    base::buffer payload = record.apart != nullptr
                               ? record.apart->copy()
                               : base::buffer{body.subspan(4 + record.extended.size())};
    const bool once = (record.flags & wire::flag_at_most_once) != 0;
    if (record.type == wire::record_type::call) {
        return to.call(*of, record.function, once, payload, extended);
    }
    to.result(*of, std::move(payload), extended);
}

// The same again, by the writer.
void write_again(wire::link_writer& to, const wire::record& record) {
    using type = wire::record_type;
    base::byte_view body = record.body;
    switch (record.type) {
        case type::hello:
            if (const auto read = wire::decode_hello(body, bounds)) to.say(read.value());
            return;
        case type::welcome:
            if (const auto read = wire::decode_welcome(body, bounds)) to.say(read.value());
            return;
        case type::ping:
        case type::pong:
        case type::worker_taken:
        case type::manager_taken:
            if (const auto stamp = wire::decode_stamp(body)) to.stamp(record.type, *stamp);
            return;
        case type::worker_unimplemented:
        case type::manager_unimplemented:
            if (const auto unknown = wire::decode_unimplemented(body)) {
                to.unimplemented(record.type, *unknown);
            }
            return;
        case type::item: {
            base::buffer apart = record.apart != nullptr ? record.apart->copy() : base::buffer{};
            wire::record copy = record;
            if (record.apart != nullptr) copy.apart = &apart;
            if (auto read = wire::take_items(copy)) {
                to.items(read->of, read->count, std::move(read->payload), record.apart != nullptr);
            }
            return;
        }
        case type::more:
            if (const auto read = wire::decode_more(body)) {
                to.more(read->of, read->items, read->bytes);
            }
            return;
        case type::callback:
        case type::callback_result: {
            const auto of = wire::take_attempt(body);
            const auto which = of ? wire::take_callback(record, body) : std::nullopt;
            if (!which) return;
            if (record.apart != nullptr) {
                return to.carry_apart(record.type, *of, *which, record.apart->copy(), 0);
            }
            return to.carry(record.type, *of, *which, base::buffer{body});
        }
        case type::callback_failed: {
            const auto of = wire::take_attempt(body);
            const auto which = of ? wire::take_callback(record, body) : std::nullopt;
            if (!which) return;
            if (const auto read = wire::decode_fault(body, limits{})) {
                to.callback_failed(*of, *which, read.value(), limits{}.text_bytes_max);
            }
            return;
        }
        case type::rejected_by:
            if (const auto who = wire::decode_rejected_by(body)) {
                to.say(wire::rejected_by{*who});
            }
            return;
        case type::script:
            if (const auto read = wire::decode_script(body, bounds)) to.say(read.value());
            return;
        default: break;
    }
    if ((record.flags & wire::flag_extended) != 0) return write_extended(to, record);
    const auto what = wire::take_attempt(body);
    if (!what) return;
    const bool once = (record.flags & wire::flag_at_most_once) != 0;
    switch (record.type) {
        case type::call: {
            base::buffer payload =
                record.apart != nullptr ? record.apart->copy() : base::buffer{body};
            return to.call(*what, record.function, once, payload);
        }
        case type::result:
            return to.result(*what,
                             record.apart != nullptr ? record.apart->copy() : base::buffer{body});
        case type::returned:
        case type::detached:
        case type::started:
        case type::cancel: return to.about(record.type, *what);
        default: return;
    }
}

// On a link whose payloads may come in parts.
void check_joined(const wire::message& what) {
    wire::message copy{what.first.copy(), {}};
    for (const auto& frame : what.rest) copy.rest.push_back(frame.copy());
    wire::unfinished_payload unfinished{wire::record_type::manager_part, 100, {}};
    wire::link_reader reader{copy, bounds.extensions_max, &unfinished};
    wire::record record;
    while (reader.next(record)) {
        const bool continued = (record.flags & wire::flag_continued) != 0;
        require(!continued || record.apart == nullptr || record.apart->size() <= 100,
                "a payload in parts is bounded");
        require(!wire::is_part(record.type) || record.apart == nullptr, "parts are joined");
    }
    require(unfinished.bytes.size() <= unfinished.bytes_max, "and so is one that is not finished");
}

void check(wire::message what) {
    const auto head = wire::read_header(what.first.view());
    if (!head || head.value().version != wire::version) return;
    if (head.value().channel == wire::channel::relay) {
        const auto peeked = wire::peek_relay(what);
        const auto lease = wire::unwrap_relay(what);
        require(peeked.ok() == lease.ok(), "peeking and unwrapping agree");
        if (lease) {
            require(lease.value() == peeked.value() && !lease.value().none(), "a lease is named");
            check(std::move(what));
        }
        return;
    }
    check_joined(what);
    wire::link_reader reader{what};
    wire::record record;
    std::size_t body_bytes = 0;
    while (reader.next(record)) {
        body_bytes += record.body.size() + wire::record_header_bytes;
        wire::message one;
        wire::link_writer to{one, bounds};
        write_again(to, record);
        const std::string said = meaning(record);  // takes the payload
        if (one.first.empty()) continue;
        wire::link_reader again{one};
        wire::record copy;
        require(again.next(copy), "a record that was written is read");
        require(copy.type == record.type && copy.function == record.function, "it is the same");
        const bool bare = record.type == wire::record_type::returned ||
                          record.type == wire::record_type::detached ||
                          record.type == wire::record_type::started ||
                          record.type == wire::record_type::cancel;
        if (!bare) require(meaning(copy) == said, "and says the same");
        wire::record more;
        require(!again.next(more) && !again.violation(), "and nothing else");
    }
    require(body_bytes + wire::header_bytes <= what.first.size(), "records lie within their frame");
    require(!reader.next(record), "the end is the end");
    if (reader.violation()) {
        require(wire::good_name(reader.violation()->message, 4000), "a reason is fit for a log");
    } else {
        require(body_bytes + wire::header_bytes == what.first.size(), "all was read");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{data, size};
    wire::message what = message_from(in);
    const std::size_t bytes = what.bytes();
    const allocations made;
    check(std::move(what));
    require(made.bytes() <= 8 * (wire::budget_base_bytes + wire::budget_per_byte * bytes),
            "reading asks for little memory");
    return 0;
}
