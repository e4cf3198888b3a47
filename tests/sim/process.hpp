// A simulated process: its lives, its inbox, and the step that every shell makes.
//
// A step drains all inputs, feeds each, lets the machine advance to the time that it is, and
// applies what the machine wants done in order. A process may die at any of these points; a paused
// one does nothing while its inbox fills.
#pragma once

#include <string>
#include <vector>

#include "maus/core/heartbeat.hpp"
#include "world.hpp"

namespace maus::sim {

class process : public actor, public host {
public:
    process(world& in, std::uint32_t number) : world_(in), number_(number) {}

    [[nodiscard]] std::uint32_t number() const override { return number_; }
    [[nodiscard]] std::uint32_t life() const override { return life_; }
    [[nodiscard]] bool is_up() const override { return up_; }
    [[nodiscard]] bool is_paused() const override { return paused_; }
    void deliver(input what) override;
    void happen(std::uint32_t what, std::uint64_t detail) override;

    /// A new life, under the old identity or a new one.
    void boot(bool keep_identity);
    void boot_in(duration delay);
    void crash(const std::string& why);
    /// Dies before the `effects`th thing that it is going to say.
    void crash_midway(std::uint32_t effects) { fuse_ = effects; }
    /// With its clock: a suspended machine whose clock does not go on.
    void pause(duration how_long, bool with_its_clock);
    void resume();
    /// Its wall clock is set, so that it is so far off; whoever reads it next sees that.
    void set_clock(duration off);
    /// Makes it take a step, though nothing happened.
    void nudge() {
        if (up_) step_soon();
    }
    /// Asks it to stop in an orderly way.
    void stop();
    [[nodiscard]] virtual std::string name() const = 0;

protected:
    enum : std::uint32_t { step_now, boot_now, resume_now, own };

    virtual void make(bool keep_identity) = 0;
    virtual void unmake() = 0;
    virtual void feed(input& what) = 0;
    /// Advances and applies. False: it died of it.
    [[nodiscard]] virtual bool turn() = 0;
    virtual void begin_stop() = 0;
    [[nodiscard]] virtual bool has_stopped() const = 0;
    [[nodiscard]] virtual instant next_deadline() const = 0;
    /// Something that the process asked for itself; only in the same life and while it runs.
    virtual void own_event(std::uint64_t detail) { (void)detail; }

    [[nodiscard]] instant local() const {
        return (clock_stands_ ? stands_since_ : world_.time.time()) + clock_offset_;
    }
    /// Microseconds of the wall clock, which is its machine's and outlasts its lives.
    [[nodiscard]] std::uint64_t wall_us() const;
    /// Each life beats as it likes.
    [[nodiscard]] core::heartbeat draw_beat();
    void own_in(duration delay, std::uint64_t detail);
    void step_soon();
    /// False: it died midway.
    [[nodiscard]] bool apply(core::outbox& out);
    virtual void said(core::send& what) { (void)what; }
    [[nodiscard]] fact begin(fact::kind what) const;
    void tell_count(const char* what, std::uint64_t is, std::uint64_t should);

    world& world_;
    base::random luck_{0};  // this life's own

private:
    void step();
    void step_at(instant when);
    void end_life(bool orderly, const std::string& why);

    std::uint32_t number_;
    std::uint32_t life_ = 0;
    bool up_ = false;
    bool paused_ = false;
    bool stopping_ = false;
    bool boot_planned_ = false;
    std::uint32_t fuse_ = 0;
    duration clock_offset_{};
    bool clock_stands_ = false;
    instant stands_since_{};
    duration wall_off_{};
    instant step_at_ = never;
    std::vector<input> inbox_;
    std::vector<std::uint64_t> postponed_;  // own events that came while it was paused
};

}  // namespace maus::sim
