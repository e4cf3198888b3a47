// Messages made of a fuzzer's bytes: well-formed ones, whose ids are few so that they meet, and
// damaged ones.
#pragma once

#include <deque>

#include "maus/wire/archive.hpp"
#include "maus/wire/call_extensions.hpp"
#include "maus/wire/control.hpp"
#include "maus/wire/elastic.hpp"
#include "maus/wire/feature.hpp"
#include "maus/wire/link.hpp"
#include "maus/wire/request_label.hpp"
#include "tests/fuzz/input.hpp"

namespace fuzz {

using namespace maus;

/// What was seen on the wire, to be said again. Never empty, so that something can be picked.
struct seen {
    static constexpr std::size_t kept = 16;
    std::vector<base::lease_id> leases{{1, 1}, {1, 2}, {2, 1}, {0, 0}};
    std::vector<base::token> tokens{base::token{}};
    std::vector<wire::attempt> attempts{{{1}, {1}}};

    template <class T>
    static void add(std::vector<T>& to, const T& what) {
        if (to.size() < kept) {
            to.push_back(what);
        } else {
            to.erase(to.begin());
            to.push_back(what);
        }
    }
};

/// One of a few; `number` 0 is "none".
template <class Id>
Id an_id(std::size_t number) {
    Id made;
    made.bytes.fill(static_cast<std::uint8_t>(number));
    return made;
}
template <class Id>
Id an_id(input& in) {
    return an_id<Id>(in.below(16) == 15 ? 0 : 1 + in.below(4));
}
/// The last that was seen, or one of those before it.
inline std::size_t a_late_one(input& in, std::size_t count) { return count - 1 - in.below(count); }
/// Mostly one that was seen.
inline base::token a_token(input& in, const seen& known) {
    return in.one_in(4) ? an_id<base::token>(in)
                        : known.tokens[a_late_one(in, known.tokens.size())];
}
inline base::lease_id a_lease(input& in, const seen& known) {
    return known.leases[a_late_one(in, known.leases.size())];
}
inline std::string a_text(input& in) {
    static const std::string choices[] = {
        "default", "default", "other", "", "a\nb", std::string(40, 'x'), "gr\xc3\xbc\xc3\x9f"};
    return in.one_of(choices);
}
inline std::string a_type(input& in) {
    return in.one_in(8) ? a_text(in) : in.one_in(4) ? "other" : "default";
}
inline std::vector<std::string> some_endpoints(input& in) {
    static const std::vector<std::string> choices[] = {
        {"tcp://127.0.0.1:1"}, {},   {"tcp://127.0.0.1:1", "ipc:///tmp/x"},
        {"inproc://x"},        {""}, {"tcp://a", "tcp://b", "tcp://c"}};
    return in.one_of(choices);
}
inline std::vector<std::string> some_signatures(input& in) {
    static const std::vector<std::string> choices[] = {
        {"add(i32,i32)->i32"},
        {"add(i32,i32)->i32", "name(str)->list<str>"},
        {},
        {"name(str)->list<str>", "add(f64)->f64"},
        {"f(void)->void"},
        {"each(fn<i32(i32)>,i32)->i32", "name(str)->stream<str>"},
        {"sum(...)->any"},
        {"", "f()->void", "f()->void", "g({i32,^1})->void"}};
    return in.one_of(choices);
}
inline std::uint32_t an_interval(input& in) {
    static constexpr std::uint32_t choices[] = {1000, 100, 10, 0, 3'600'000, ~0u};
    return in.one_of(choices);
}
inline std::uint32_t a_liveness(input& in) {
    static constexpr std::uint32_t choices[] = {3, 2, 0, 100, ~0u};
    return in.one_of(choices);
}

/// Features and limits: mostly all that are known, some that nobody knows, too many.
inline wire::capabilities abilities(input& in) {
    if (!in.one_in(4)) return {wire::own_features(), {}};
    wire::capabilities can;
    for (auto count = in.below(4); count != 0; --count) {
        can.features.push_back(in.one_in(2) ? std::string(in.one_of(wire::known_features))
                                            : a_text(in));
    }
    if (in.one_in(8)) can.features.resize(65, "x");
    static constexpr std::uint64_t sizes[] = {0, 1, 100, 16384, 1 << 20, 64u << 20, ~0ull};
    for (auto count = in.below(4); count != 0; --count) {
        can.limits[static_cast<std::uint16_t>(in.below(14))] = in.one_of(sizes);
    }
    if (in.one_in(8)) {
        for (std::uint16_t number = 0; number < 65; ++number) can.limits[number] = 1u << 20;
    }
    return can;
}
using kept_bytes = std::deque<base::buffer>;

/// As it should be for its tag, where that is one that is known.
inline base::buffer a_good_extension(std::uint16_t tag, input& in) {
    base::buffer made;
    const auto number = [&] { return static_cast<std::uint32_t>(in.below(5)); };
    switch (tag) {
        case wire::elastic_tag: wire::encode(made, wire::elastic{number(), number()}); break;
        case wire::time_left_tag:
            wire::encode(made, std::uint64_t{in.byte()} << in.below(56));
            break;
        case wire::label_tag: made.append(base::as_bytes(a_text(in))); break;
        case wire::trace_tag:
            made.extend(25), std::fill_n(made.data(), 25, std::byte{in.byte()});
            break;
        case wire::stream_credit_tag:
            wire::encode(made, number(), std::uint64_t{in.byte()}, std::uint64_t{number()});
            break;
        case wire::reference_functions_tag:
            wire::encode(made, std::vector<std::string>{"each(fn<i32(i32)>,i32)->i32"});
            break;
        case wire::dynamic_functions_tag:
            wire::encode(made, std::vector<std::string>{"sum(...)->any"});
            break;
        default: made.append(in.take(in.below(24)));
    }
    return made;
}
/// Extensions whose bytes `of` keeps: mostly none, else mostly good ones.
inline wire::extensions some_extensions(input& in, kept_bytes& of) {
    wire::extensions made;
    if (!in.one_in(4)) return made;
    for (auto count = in.one_in(16) ? 65 : in.below(4); count != 0; --count) {
        const auto tag = static_cast<std::uint16_t>(in.below(12));
        of.push_back(in.one_in(4) ? base::buffer(in.take(in.below(24)))
                                  : a_good_extension(tag, in));
        made.push_back({tag, of.back().view()});
    }
    return made;
}
/// Those of a control message: a request is elastic every other time.
inline wire::extensions some_extensions_of(const wire::control& what, input& in, kept_bytes& of) {
    if (!std::holds_alternative<wire::request>(what) || in.one_in(2))
        return some_extensions(in, of);
    of.push_back(a_good_extension(wire::elastic_tag, in));
    return {{wire::elastic_tag, of.back().view()}};
}
/// A good control message of a type that nobody knows.
inline wire::message an_unknown_control(input& in) {
    wire::message made;
    wire::write_header(made.first, wire::channel::control, in.byte());
    made.first.append(in.take(in.below(24)));
    return made;
}

inline wire::register_worker a_worker(input& in, const seen& known) {
    wire::register_worker say;
    say.worker = an_id<base::worker_id>(in);
    say.type = "default";
    say.interval_ms = 1000;
    say.can.features = wire::own_features();
    if (!in.one_in(4)) return say;  // most are plain, and take few bytes
    say.incarnation = {in.below(3)};
    say.type = a_type(in);
    say.signatures = some_signatures(in);
    say.concurrency = static_cast<std::uint32_t>(in.below(4));
    say.interval_ms = an_interval(in);
    say.liveness = a_liveness(in);
    say.free = !in.one_in(4);
    if (!say.free && !in.one_in(4)) {
        say.serving = {a_lease(in, known), an_id<base::manager_id>(in), a_token(in, known)};
    }
    say.can = abilities(in);
    return say;
}
inline wire::register_manager a_manager(input& in) {
    wire::register_manager say;
    say.manager = an_id<base::manager_id>(in);
    say.interval_ms = 1000;
    say.can.features = wire::own_features();
    if (!in.one_in(4)) return say;
    say.incarnation = {in.below(3)};
    say.endpoints = some_endpoints(in);
    say.interval_ms = an_interval(in);
    say.liveness = a_liveness(in);
    say.can = abilities(in);
    return say;
}
inline wire::request a_request(input& in, const seen& known) {
    wire::request say{{in.below(4)}, a_token(in, known), "default", {}, {}};
    say.amount = static_cast<std::uint32_t>(in.below(5));
    if (!in.one_in(4)) return say;
    say.type = a_type(in);
    for (auto count = in.below(4); count != 0; --count) {
        say.held.push_back({a_lease(in, known), an_id<base::worker_id>(in)});
    }
    return say;
}
inline wire::status a_status(input& in) {
    wire::status say;
    say.version = a_text(in);
    say.workers.resize(in.below(3));
    for (auto& each : say.workers) {
        each.type = a_text(in);
        each.state = static_cast<wire::worker_state>(in.below(4));
    }
    say.managers.resize(in.below(2));
    say.requests.resize(in.below(3));
    return say;
}

inline constexpr std::size_t control_kinds = std::variant_size_v<wire::control>;

/// The kind that stands at `kind` in wire::control.
inline wire::control a_control(std::size_t kind, input& in, const seen& known) {
    const auto error = [&] { return static_cast<std::uint8_t>(in.below(20)); };
    switch (kind % control_kinds) {
        case 0: return a_worker(in, known);
        case 1: return a_manager(in);
        case 2: return a_request(in, known);
        case 3: return wire::cancel{{in.below(4)}};
        case 4: return wire::accepted{a_lease(in, known)};
        case 5: return wire::refused{a_lease(in, known), error(), a_text(in)};
        case 6: return wire::available{a_lease(in, known)};
        case 7:
            return wire::occupied{
                {a_lease(in, known), an_id<base::manager_id>(in), a_token(in, known)}};
        case 8:
            return wire::worker_lost{{in.below(4)}, a_lease(in, known), an_id<base::worker_id>(in)};
        case 9: return wire::ping{in.byte()};
        case 10: return wire::goodbye{a_text(in)};
        case 11: return wire::status_query{};
        case 12: return wire::unimplemented{in.byte()};
        case 13:
            return wire::registered{{}, in.byte(), an_interval(in), a_liveness(in), abilities(in)};
        case 14: return wire::register_again{};
        case 15: return wire::rejected{error(), a_text(in)};
        case 16:
            return wire::assign{a_lease(in, known), a_token(in, known), an_id<base::manager_id>(in),
                                some_endpoints(in)};
        case 17: return wire::lease_ended{a_lease(in, known), a_text(in)};
        case 18:
            return wire::granted{{in.below(4)}, a_lease(in, known), an_id<base::worker_id>(in)};
        case 19: return wire::pong{in.byte()};
        case 20: return wire::parkserver_goodbye{a_text(in)};
        case 21: return a_status(in);
        case 22: return wire::parkserver_unimplemented{in.byte()};
        default:
            return wire::fair_share{
                {in.below(4)}, static_cast<std::uint32_t>(in.below(4)), a_lease(in, known)};
    }
}

/// A message of any kind, perhaps with extensions, or one of a type that nobody knows.
inline wire::message a_control_message(std::size_t kind, input& in, const seen& known) {
    if (in.one_in(16)) return an_unknown_control(in);
    const wire::control body = a_control(kind, in, known);
    kept_bytes kept;
    return wire::encode_control(body, some_extensions_of(body, in, kept));
}

/// Flags that a link message's first record would not have, and perhaps a frame for it.
inline void change_flags(wire::message& what, input& in) {
    if (what.first.size() < wire::header_bytes + wire::record_header_bytes) return;
    const std::uint8_t flags = in.byte();
    what.first.data()[wire::header_bytes + 5] = std::byte{flags};
    if ((flags & wire::flag_apart) != 0 && !in.one_in(4)) {
        what.rest.emplace(what.rest.begin(), in.take(in.below(24)));
    }
}

/// Bytes changed, cut off or added; frames added or taken away.
inline void damage(wire::message& what, input& in) {
    std::string bytes{base::as_text(what.first.view())};
    switch (in.below(6)) {
        case 0: bytes.resize(bytes.size() * in.byte() / 256); break;
        case 1: bytes += base::as_text(in.take(1 + in.below(8))); break;
        case 2: what.rest.emplace_back(in.take(in.below(40))); break;
        case 3:
            if (!what.rest.empty()) what.rest.pop_back();
            break;
        default:
            if (!bytes.empty()) {
                const std::size_t at = in.byte() * 256u + in.byte();
                bytes[at % bytes.size()] = static_cast<char>(in.byte());
            }
    }
    what.first.clear();
    what.first.append(base::as_bytes(bytes));
}

/// Any bytes at all, behind a good header or behind none.
inline wire::message raw(input& in, std::size_t bytes_max) {
    wire::message made;
    const auto kind = in.below(4);
    if (kind != 0) {
        const auto on = static_cast<wire::channel>(kind);
        wire::write_header(made.first, on, on == wire::channel::control ? in.byte() : 0);
    }
    const auto frames = in.one_in(8) ? in.below(4) : 0;
    for (std::size_t i = 0; i < frames; ++i) made.rest.emplace_back(in.take(in.below(48)));
    made.first.append(in.take(bytes_max));
    return made;
}

inline std::string bytes_of(const wire::message& what) {
    return std::string(base::as_text(what.first.view()));
}

}  // namespace fuzz
