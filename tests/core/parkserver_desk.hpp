// A parkserver with workers and managers that are typed in: for its tests.
#pragma once

#include <initializer_list>
#include <string>

#include "broker/core/parkserver.hpp"
#include "talk.hpp"

namespace talk {

using base::lease_id;
using broker::parkserver;

// Workers have routes from 11, managers from 21; a peer's id is its route's number.
struct park {
    base::settings settings;
    limits& bounds = settings.limits;
    core::outbox out{settings};
    std::int64_t ms = 0;
    parkserver core;

    explicit park(broker::parkserver_config config = its_config())
        : core(std::move(config), at_ms(0)) {}

    static broker::parkserver_config its_config() {
        broker::parkserver_config made;
        made.id = id<base::parkserver_id>(1);
        made.epoch = 5;
        return made;
    }
    void hear(std::uint8_t route, const wire::control& what) {
        core.on(core::received{{route}, wire::encode_control(what)}, at_ms(ms), out);
    }
    lines take() {
        core.advance_to(at_ms(ms), out);
        return take_news(out);
    }
    lines say(std::uint8_t route, const wire::control& what) {
        hear(route, what);
        return take();
    }
    lines pass(std::int64_t to_ms) {
        ms = to_ms;
        return take();
    }
    static wire::register_worker worker(std::uint8_t number, std::string type = "t",
                                        std::uint64_t incarnation = 1) {
        wire::register_worker made;
        made.worker = id<base::worker_id>(number);
        made.incarnation = {incarnation};
        made.type = std::move(type);
        made.signatures = {"f()->void"};
        made.interval_ms = 100;
        made.liveness = 3;
        return made;
    }
    static wire::register_manager manager(std::uint8_t number, std::uint64_t incarnation = 1) {
        wire::register_manager made;
        made.manager = id<base::manager_id>(number);
        made.incarnation = {incarnation};
        made.interval_ms = 100;
        made.liveness = 3;
        return made;
    }
    static wire::request request(std::uint8_t of, std::uint64_t number, std::uint32_t amount,
                                 std::string type = "t") {
        return {{number}, token(of, number), std::move(type), amount, {}};
    }
    static base::token token(std::uint8_t of, std::uint64_t number) {
        return id<base::token>(static_cast<std::uint8_t>(of * 10 + number));
    }
    std::uint32_t serving(std::size_t row = 0) const {
        return core.status(at_ms(ms)).requests.at(row).serving;
    }
    void workers(std::initializer_list<std::uint8_t> numbers) {
        for (const auto each : numbers) say(each, worker(each));
    }
    void managers(std::initializer_list<std::uint8_t> numbers) {
        for (const auto each : numbers) say(each, manager(each));
    }
};

inline constexpr lease_id lease(std::uint64_t sequence) { return {5, sequence}; }

}  // namespace talk
