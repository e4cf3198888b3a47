// A dispatcher with one group, and what it says as lines that a test can compare.
#pragma once

#include <string>
#include <vector>

#include "maus/core/dispatcher.hpp"
#include "talk.hpp"

namespace talk {

// One group, the functions f and g, and workers that have as much concurrency as they are given.
struct desk {
    base::settings settings;
    limits& bounds = settings.limits;
    core::dispatcher calls{settings};
    core::outbox out{settings};
    std::vector<core::settled> done;
    std::int64_t ms = 0;
    std::uint64_t tickets = 0;
    std::vector<core::call_id> ids;  // by ticket, from 1

    explicit desk(core::group_policy policy = {}) {
        calls.define({0}, "f()->void");
        calls.define({1}, "g()->void");
        calls.add_group({1}, policy, at_ms(0));
    }
    core::link_index worker(std::uint64_t route, std::uint32_t concurrency = 1,
                            std::vector<std::string> signatures = {"f()->void"}) {
        const core::link_index made = calls.add_link(
            {base::route{route}, {}}, std::to_string(route), signatures, concurrency);
        calls.join(made, {1}, done);
        return made;
    }
    void submit(maus::call_options options = {}, std::uint32_t method = 0, std::size_t bytes = 0) {
        core::submission what;
        what.group = {1};
        what.method = {method};
        what.ticket = ++tickets;
        what.options = options;
        if (bytes != 0) what.payload.extend(bytes);
        ids.push_back(calls.submit(std::move(what), at_ms(ms), done));
    }
    lines pump() {
        calls.pump(at_ms(ms), out, done);
        lines said = take(out);
        // Tickets are easier to read than ids.
        for (auto& line : said) {
            for (std::size_t i = ids.size(); i-- > 0;) {
                const auto at = line.find(" " + std::to_string(ids[i].value) + "/");
                if (at == std::string::npos || ids[i].value == 0) continue;
                const std::string id = std::to_string(ids[i].value);
                line.replace(at + 1, id.size(), std::to_string(i + 1));
                break;
            }
        }
        return said;
    }
    bool answer(core::link_index from, wire::record_type type, std::uint64_t ticket,
                std::uint32_t attempt = 1) {
        auto message = link_message(bounds, [&](wire::link_writer& to) {
            const wire::attempt what{ids[ticket - 1], {attempt}};
            if (type == wire::record_type::result) return to.result(what, {});
            to.about(type, what);
        });
        wire::link_reader records{message};
        wire::record record;
        return records.next(record) && calls.answer(from, record, at_ms(ms), done);
    }
    bool fail(core::link_index from, std::uint64_t ticket, std::uint8_t code,
              std::uint32_t attempt = 1) {
        auto message = link_message(bounds, [&](wire::link_writer& to) {
            to.failed({ids[ticket - 1], {attempt}}, {code, "", "no"});
        });
        wire::link_reader records{message};
        wire::record record;
        return records.next(record) && calls.answer(from, record, at_ms(ms), done);
    }
    void lose(core::link_index which, core::link_end how = core::link_end::lost) {
        calls.remove_link(which, how, "it died", at_ms(ms), done);
    }
    std::vector<core::link_index> pass(std::int64_t to_ms) {
        ms = to_ms;
        std::vector<core::link_index> hung;
        calls.advance_to(at_ms(ms), out, done, hung);
        return hung;
    }
    /// "1 ok", "2 poisoned", in the order in which they settled.
    lines settled_calls() {
        lines said;
        for (const auto& each : done) {
            said.push_back(std::to_string(each.ticket) + " " +
                           (each.result.error ? std::string(to_string(*each.result.error)) : "ok"));
        }
        done.clear();
        return said;
    }
};

}  // namespace talk
