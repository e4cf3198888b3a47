// Records of a link made of a fuzzer's bytes.
#pragma once

#include "maus/wire/streams.hpp"
#include "tests/fuzz/say.hpp"

namespace fuzz {

/// Of machines whose payloads come whole: fuzz_link joins those that come in parts.
inline std::vector<std::string> features_of_machines() {
    auto all = wire::own_features(true);
    std::erase(all, wire::feature_transfer);
    return all;
}
inline wire::attempt an_attempt(input& in, const seen& known) {
    const auto pick = in.below(known.attempts.size() + 1);
    if (pick == known.attempts.size()) return {{in.byte()}, {in.byte()}};
    return known.attempts[known.attempts.size() - 1 - pick];
}
inline base::buffer a_payload(input& in) {
    static constexpr std::size_t sizes[] = {0, 1, 8, 23, 24, 60};
    base::buffer made;
    const std::size_t size = in.one_of(sizes);
    for (std::size_t i = 0; i < size; ++i) *made.extend(1) = std::byte{in.byte()};
    return made;
}
inline wire::hello a_hello(input& in, const seen& known) {
    wire::hello say;
    say.worker = an_id<base::worker_id>(in);
    say.token = in.one_in(3) ? base::token{} : a_token(in, known);
    say.type = "default";
    say.signatures = {"add(i32,i32)->i32", "name(str)->stream<str>"};
    say.can.features = wire::own_features();
    say.interval_ms = 1000;
    if (!say.token.none()) say.lease = a_lease(in, known);
    if (!in.one_in(4)) return say;
    say.incarnation = {in.below(3)};
    say.type = a_type(in);
    say.signatures = some_signatures(in);
    say.concurrency = static_cast<std::uint32_t>(in.below(4));
    say.interval_ms = an_interval(in);
    say.liveness = a_liveness(in);
    say.stamp = in.byte();
    say.can = abilities(in);
    return say;
}
inline errc an_error(input& in) { return wire::code_of(static_cast<std::uint8_t>(in.below(20))); }

/// One record of any kind.
inline void a_record(wire::link_writer& to, input& in, const seen& known) {
    using type = wire::record_type;
    static constexpr type parting[] = {type::reject, type::worker_goodbye, type::manager_goodbye};
    static constexpr type about[] = {type::returned, type::detached, type::started, type::cancel};
    static constexpr type stamped[] = {type::ping, type::pong, type::worker_taken,
                                       type::manager_taken};
    static constexpr type parts[] = {type::worker_part, type::manager_part};
    kept_bytes kept;
    switch (in.below(19)) {
        case 0: {
            const wire::hello say = a_hello(in, known);
            return to.say(say, some_extensions(in, kept));
        }
        case 1: {
            const wire::welcome say{an_id<base::manager_id>(in),
                                    {in.below(3)},
                                    an_interval(in),
                                    a_liveness(in),
                                    in.byte(),
                                    abilities(in)};
            return to.say(say, some_extensions(in, kept));
        }
        case 2: {
            const auto kind = in.one_of(parting);
            const auto error = an_error(in);
            return to.part(kind, error, a_text(in));
        }
        case 3: {
            const auto kind = in.one_of(about);
            return to.about(kind, an_attempt(in, known));
        }
        case 4: {
            const auto kind = in.one_of(stamped);
            return to.stamp(kind, in.byte());
        }
        case 5: {
            const auto what = an_attempt(in, known);
            const auto error = static_cast<std::uint8_t>(in.below(20));
            return to.failed(what, {error, a_text(in), a_text(in)});
        }
        case 6: {
            const auto what = an_attempt(in, known);
            const auto function = static_cast<std::uint16_t>(in.below(4));
            const bool once = in.one_in(4);
            base::buffer payload = a_payload(in);
            return to.call(what, function, once, payload);
        }
        case 7: {  // with extensions, also none
            const auto what = an_attempt(in, known);
            const auto function = static_cast<std::uint16_t>(in.below(4));
            base::buffer payload = a_payload(in);
            return to.call(what, function, in.one_in(4), payload, some_extensions(in, kept));
        }
        case 8: {
            const auto what = an_attempt(in, known);
            base::buffer payload = a_payload(in);
            return to.result(what, std::move(payload), some_extensions(in, kept));
        }
        case 9: {
            const auto from =
                in.one_in(2) ? type::worker_unimplemented : type::manager_unimplemented;
            return to.unimplemented(from, in.byte());
        }
        case 10: return to.about(static_cast<type>(in.byte()), an_attempt(in, known));
        case 11: {
            const auto kind = in.one_of(parts);
            return to.part_of_payload(kind, in.one_in(2) ? 0 : in.byte(), a_payload(in));
        }
        case 12: {
            const auto what = an_attempt(in, known);
            const auto function = static_cast<std::uint16_t>(in.below(4));
            if (in.one_in(2)) return to.last_of_result(what, a_payload(in));
            return to.last_of_call(what, function, in.one_in(4), a_payload(in));
        }
        case 13: {  // of one item, of several, or of none that are well-formed
            const auto what = an_attempt(in, known);
            base::buffer payload;
            std::uint32_t count = 0;
            for (auto many = in.below(4); many != 0; --many) {
                wire::add_item(payload, count, a_payload(in));
            }
            if (in.one_in(4)) count = static_cast<std::uint32_t>(in.below(4));
            const bool apart = in.one_in(3);
            return to.items(what, count, std::move(payload), apart,
                            in.one_in(4) ? wire::flag_continued : std::uint8_t{0});
        }
        case 14: {
            const auto what = an_attempt(in, known);
            return to.more(what, static_cast<std::uint32_t>(in.below(4)), in.byte());
        }
        case 15: {
            const auto kind = in.one_in(2) ? type::callback : type::callback_result;
            const auto what = an_attempt(in, known);
            const wire::callback which{in.below(4), static_cast<std::uint32_t>(in.below(3))};
            if (in.one_in(4)) return to.carry_apart(kind, what, which, a_payload(in), in.byte());
            return to.carry(kind, what, which, a_payload(in));
        }
        case 16: {
            const auto what = an_attempt(in, known);
            const auto error = static_cast<std::uint8_t>(in.below(20));
            return to.callback_failed(what, {in.below(4), 0}, {error, a_text(in), a_text(in)}, 99);
        }
        case 17: {
            static constexpr const char* languages[] = {"javascript", "", "a b"};
            const auto id = an_id<base::script_id>(static_cast<std::uint8_t>(in.below(4)));
            return to.say(wire::script{id, languages[in.below(3)], a_text(in)});
        }
        default: {
            const auto what = an_attempt(in, known);
            return to.result(what, a_payload(in));
        }
    }
}

}  // namespace fuzz
