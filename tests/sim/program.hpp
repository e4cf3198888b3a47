// A manager's program: asks for workers, makes calls, changes its mind, counts what comes back.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "functions.hpp"
#include "maus/core/manager.hpp"
#include "world.hpp"

namespace maus::sim {

class manager_process;

class program {
public:
    struct standing_request {
        core::group_id group;
        std::string type;
        std::uint32_t amount = 0;            // of an elastic one: its min
        std::optional<wire::elastic> range;  // none: exact
        duration patience{};                 // no_workers_timeout; none: 0
        bool served = false;                 // it had all that it wanted once
        std::size_t calls = 0;               // not settled
        std::size_t joined = 0;              // workers that it ever had
        std::vector<std::string> workers;    // those that it has, and at last one that left
    };

    program(world& in, manager_process& of);

    void begin(core::manager& machine);
    void tick(core::manager& machine, instant now, core::manager_effects& out);
    void settled(const core::settled& what);
    void progressed(const core::progressed& what);
    void got(const core::items_came& what);
    void called_back(core::called_back&& what);
    void noticed(const core::notice& what);
    [[nodiscard]] const std::map<core::group_id, standing_request>& requests() const {
        return requests_;
    }
    [[nodiscard]] std::size_t outstanding() const { return open_.size(); }
    [[nodiscard]] duration tick_in();

private:
    struct open_call {
        core::group_id group;
        arguments args;
        std::optional<core::call_id> id;
        std::vector<std::size_t> unread;  // bytes of items
        std::uint64_t items = 0;          // that came
    };
    void read_some(core::manager& machine, instant now, core::manager_effects& out);
    void request_for(core::manager& machine, instant now, core::manager_effects& out);
    void release(core::manager& machine, core::group_id which, instant now,
                 core::manager_effects& out);
    void burst(core::manager& machine, instant now, core::manager_effects& out);
    std::uint64_t call(core::manager& machine, core::group_id group, instant now,
                       core::manager_effects& out, bool nested = false);
    void cancel_some(core::manager& machine, instant now, core::manager_effects& out);
    void reply(core::manager& machine, instant now, core::manager_effects& out);
    void note_cancel(std::uint64_t ticket);
    void clear_up(core::manager& machine, instant now, core::manager_effects& out);
    [[nodiscard]] function choose();
    [[nodiscard]] maus::call_options options(const standing_request& of);

    world& world_;
    manager_process& of_;
    base::random luck_;
    std::map<core::group_id, standing_request> requests_;
    std::map<std::uint64_t, open_call> open_;
    std::uint32_t groups_made_ = 0;
    struct callable {  // that runs
        core::answer_callback answer;
        std::uint64_t ticket = 0;  // of the call that it came with
        instant due{};
        bool nests = false;  // it makes a call, and waits for it
        core::group_id group;
        std::uint64_t waits_for = 0;  // that call's ticket
    };
    std::vector<callable> callables_;
};

}  // namespace maus::sim
