#include "process.hpp"

namespace maus::sim {

using std::chrono::milliseconds;

fact process::begin(fact::kind what) const {
    fact made;
    made.what = what;
    made.process = number_;
    made.life = life_;
    made.local = local();
    return made;
}

void process::deliver(input what) {
    inbox_.push_back(std::move(what));
    step_soon();
}

void process::step_soon() {
    if (!paused_) step_at(world_.time.time() + between(world_.luck, {}, world_.how.latency_max));
}

void process::step_at(instant when) {
    if (when >= step_at_) return;
    step_at_ = when;
    world_.time.at(when, *this, step_now, life_);
}

void process::tell_count(const char* what, std::uint64_t is, std::uint64_t should) {
    fact told = begin(fact::kind::count);
    told.text = what;
    told.ticket = is;
    told.call = should;
    world_.past.add(std::move(told));
}

core::heartbeat process::draw_beat() {
    const plan& how = world_.how;
    const core::heartbeat made{between(luck_, how.interval_ms_min, how.interval_ms_max),
                               between(luck_, how.liveness_min, how.liveness_max)};
    if (world_.past.traced()) {
        world_.past.say("    " + name() + " beats " + std::to_string(made.interval_ms) + " ms x " +
                        std::to_string(made.liveness));
    }
    return made;
}

void process::own_in(duration delay, std::uint64_t detail) {
    world_.time.in(delay, *this, own + life_, detail);
}

void process::happen(std::uint32_t what, std::uint64_t detail) {
    switch (what) {
        case step_now:
            if (detail == life_ && up_ && !paused_ && step_at_ <= world_.time.time()) step();
            return;
        case boot_now:
            if (up_ || !std::exchange(boot_planned_, false)) return;
            return boot(chance(world_.luck, world_.how.keep_identity));
        case resume_now:
            if (detail == life_) resume();
            return;
        default: break;
    }
    if (what != own + life_ || !up_) return;
    if (paused_) {
        postponed_.push_back(detail);
    } else {
        own_event(detail);
    }
}

void process::step() {
    step_at_ = never;
    std::vector<input> inputs;
    inputs.swap(inbox_);
    for (auto& each : inputs) feed(each);
    if (!turn()) return;
    if (stopping_ && has_stopped()) {
        end_life(true, "it stopped");
        if (world_.phase != phase::parting)
            boot_in(between(world_.luck, milliseconds{1}, world_.how.down_max));
        return;
    }
    const instant next = next_deadline();
    if (next != never) step_at(std::max(next - clock_offset_, world_.time.time()));
}

bool process::apply(core::outbox& out) {
    for (auto& effect : out.effects()) {
        if (fuse_ != 0 && --fuse_ == 0) {
            crash("chaos, midway");
            return false;
        }
        if (auto* say = std::get_if<core::send>(&effect)) {
            said(*say);
            world_.net.send(*this, std::move(*say));
        } else if (const auto* dial = std::get_if<core::open>(&effect)) {
            world_.net.open(*this, dial->to, dial->endpoint);
        } else if (const auto* part = std::get_if<core::close>(&effect)) {
            world_.net.close(*this, part->to);
        } else if (world_.past.traced()) {
            world_.past.say("    " + name() + " notes: " + std::get<core::note>(effect).text);
        }
    }
    out.clear();
    return true;
}

// --- lives --------------------------------------------------------------------------------------

void process::boot(bool keep_identity) {
    ++life_;
    up_ = true;
    paused_ = stopping_ = boot_planned_ = false;
    fuse_ = 0;
    step_at_ = never;
    luck_ = base::random{world_.luck()};
    // Each machine counts its time from its own start.
    clock_offset_ = between(luck_, {}, std::chrono::hours{300});
    clock_stands_ = false;
    if (world_.phase == phase::chaos && chance(luck_, world_.how.wall_jumps)) {
        const std::chrono::microseconds off{luck_.below(3'600'000'000)};
        const bool ahead = off.count() % 2 == 0;
        set_clock(ahead ? off : -off);
    }
    world_.past.add([&] {
        fact born = begin(fact::kind::booted);
        born.text = name() + (keep_identity ? ", same identity" : "");
        return born;
    }());
    make(keep_identity);
    step_at(world_.time.time());
}

std::uint64_t process::wall_us() const {
    const duration since = world_.time.time().time_since_epoch() + std::chrono::hours{1000};
    return static_cast<std::uint64_t>((since + wall_off_).count() / 1000);
}

void process::set_clock(duration off) {
    if (off == wall_off_) return;
    if (off != duration{}) ++world_.faults.wall_jumps;
    wall_off_ = off;
    if (!world_.past.traced()) return;
    const auto off_s = std::chrono::duration_cast<std::chrono::seconds>(off).count();
    world_.past.say("chaos: the wall clock of " + name() + " is " + std::to_string(off_s) +
                    " s off");
}

void process::boot_in(duration delay) {
    boot_planned_ = true;
    world_.time.in(delay, *this, boot_now, 0);
}

void process::end_life(bool orderly, const std::string& why) {
    world_.past.add([&] {
        fact death = begin(fact::kind::died);
        death.text = why;
        return death;
    }());
    up_ = paused_ = false;
    inbox_.clear();
    postponed_.clear();
    unmake();
    world_.net.gone(*this, orderly);
}

void process::crash(const std::string& why) {
    if (!up_) return;
    end_life(false, why);
    const bool chaos = world_.phase == phase::chaos;
    boot_in(between(world_.luck, milliseconds{1}, chaos ? world_.how.down_max : milliseconds{30}));
}

void process::pause(duration how_long, bool with_its_clock) {
    if (!up_ || paused_) return;
    paused_ = true;
    if (with_its_clock) {
        ++world_.faults.stopped_clocks;
        clock_stands_ = true;
        stands_since_ = world_.time.time();
        fact told = begin(fact::kind::note);
        told.text = "its clock stands still";
        world_.past.add(std::move(told));
    }
    world_.past.say("chaos: " + name() + " is paused");
    world_.time.in(how_long, *this, resume_now, life_);
}

void process::resume() {
    if (!up_ || !paused_) return;
    paused_ = false;
    if (std::exchange(clock_stands_, false)) clock_offset_ -= world_.time.time() - stands_since_;
    world_.past.say("chaos: " + name() + " goes on");
    std::vector<std::uint64_t> waiting;
    waiting.swap(postponed_);
    step_at_ = never;
    step_at(world_.time.time());
    for (const auto detail : waiting) {
        if (up_) own_event(detail);
    }
}

void process::stop() {
    if (!up_ || stopping_) return;
    stopping_ = true;
    world_.past.say(name() + " is told to stop");
    begin_stop();
    step_soon();
}

}  // namespace maus::sim
