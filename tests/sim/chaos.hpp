// What goes wrong, and when. Everything here is allowed to happen; nothing here is told to anybody.
#pragma once

#include "world.hpp"

namespace maus::sim {

class chaos : public actor {
public:
    explicit chaos(world& in) : world_(in) {}
    void begin();
    /// No more faults: what is paused goes on, what is broken is noticed.
    void heal();
    void happen(std::uint32_t what, std::uint64_t detail) override;

private:
    enum : std::uint32_t {
        crash,
        stop,
        pause,
        break_one,
        deafen,
        half_close,
        partition,
        set_clock,
        kinds
    };
    [[nodiscard]] double rate(std::uint32_t of) const;
    [[nodiscard]] process& victim();
    void plan_next(std::uint32_t of);
    void part_twins();
    void set_a_clock();

    world& world_;
};

}  // namespace maus::sim
