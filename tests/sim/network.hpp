// The simulated network: as unkind as the real one under libzmq, and no more than that.
//
// Who dials is refused where nobody is up, and hears after a while that a stopped or cut off process did
// not answer. A connection has a dialer (a DEALER) and an accepter (a ROUTER). What one end says comes to the
// other in order, unless the connection breaks: then some last part of it is lost, and each end
// hears of it soon, late, or never. A ROUTER can't part with one peer; a DEALER's close reaches the
// other end after all that was said before.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "clockwork.hpp"
#include "history.hpp"
#include "maus/core/outbox.hpp"
#include "plan.hpp"

namespace maus::sim {

using input = std::variant<core::up, core::received, core::down>;

/// One end's process, as the network sees it.
class host {
public:
    virtual ~host() = default;
    [[nodiscard]] virtual std::uint32_t number() const = 0;
    [[nodiscard]] virtual std::uint32_t life() const = 0;
    [[nodiscard]] virtual bool is_up() const = 0;
    [[nodiscard]] virtual bool is_paused() const = 0;
    virtual void deliver(input what) = 0;
};

struct fault_counts {
    std::uint64_t crashes = 0, stops = 0, pauses = 0, breaks = 0, deaf = 0, partitions = 0,
                  pipe_full = 0, unnoticed = 0, poisoned = 0, half_closes = 0, stopped_clocks = 0,
                  wall_jumps = 0, forged = 0, meddled = 0, unknowns = 0, returned = 0;
    [[nodiscard]] std::uint64_t all() const {
        return crashes + stops + pauses + breaks + deaf + partitions + pipe_full + poisoned +
               half_closes + wall_jumps + forged + meddled + unknowns + returned;
    }
    void add(const fault_counts& more);
};

class network : public actor {
public:
    network(clockwork& time, const plan& how, base::random& luck, history& past,
            fault_counts& faults)
        : time_(time), plan_(how), random_(luck), past_(past), faults_(faults) {}

    void add(host& which) { hosts_.push_back(&which); }
    [[nodiscard]] static std::string address_of(std::uint32_t number) {
        return "tcp://host" + std::to_string(number) + ":1";
    }

    // --- what shells do
    void open(const host& from, base::route to, const std::string& endpoint);
    void send(host& from, core::send what);
    void close(const host& from, base::route to);
    /// The process is gone; in an orderly way: all that it said still arrives.
    void gone(const host& which, bool orderly);

    // --- what chaos does
    void break_one();
    void deafen_one();
    /// One end hears that the connection is gone; what it said before still arrives.
    void half_close_one();
    void partition();
    /// From now on all goes well; what broke in silence is noticed soon.
    void heal();

    void happen(std::uint32_t what, std::uint64_t detail) override;

private:
    enum : std::uint32_t { dial, deliver, break_later };
    struct parcel {
        instant at;
        wire::message message;
        const char* down = nullptr;  // no message: the end of the connection
    };
    struct end {
        std::uint32_t process = 0;
        std::uint32_t life = 0;
        base::route at{};
        bool open = false;  // it still gets what comes
    };
    struct line {  // from one end to the other
        std::deque<parcel> parcels;
        instant latest{};
        bool deaf = false;  // what is sent is lost
        bool under_way = false;
    };
    struct connection {
        end ends[2];  // the dialer's, the accepter's
        line lines[2];
        bool up = false;
        bool broken = false;
        bool for_good = false;  // nobody will ever tell the dialer
        instant dial_until{};
    };

    void try_dial(std::uint64_t which);
    void refuse(connection& on, const char* why);
    void hand_over(std::uint64_t which, std::size_t side);
    void arrive(connection& on, std::size_t side, parcel what);
    void put(std::uint64_t which, std::size_t side, parcel what);
    void lose_some(line& of);
    void sever(std::uint64_t which, const char* why, bool notice_dialer, bool notice_accepter);
    [[nodiscard]] duration delay();
    [[nodiscard]] bool blocked(std::uint32_t from, std::uint32_t to) const;
    [[nodiscard]] bool there(const end& which) const;
    [[nodiscard]] std::uint64_t* find(const host& of, base::route at);
    [[nodiscard]] std::vector<std::uint64_t> alive() const;
    void forget(connection& which, std::size_t side);

    clockwork& time_;
    const plan& plan_;
    base::random& random_;
    history& past_;
    fault_counts& faults_;
    std::vector<host*> hosts_;
    std::deque<connection> connections_;
    std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> routes_;
    std::map<std::pair<std::uint32_t, std::uint32_t>, instant> blocked_until_;
    std::uint64_t accepted_ = 0;
    bool healed_ = false;
};

}  // namespace maus::sim
