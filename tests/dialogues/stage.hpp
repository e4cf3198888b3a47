// The stage on which dialogues are played: the three state machines as they ship, a network and a
// clock that exist in memory only, and functions that answer when the dialogue says so.
//
// A connection carries messages in order and loses none; what is sent to somebody who is cut off or
// suspended waits. Nothing happens by itself: time passes only by the command `wait`.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/core/parkserver.hpp"
#include "maus/core/manager.hpp"
#include "maus/core/worker.hpp"
#include "maus/wire/streams.hpp"

namespace dialogue {

using maus::base::duration;
using maus::base::instant;
using maus::base::route;
using options = std::map<std::string, std::string>;

/// A process: a parkserver, a manager or a worker, and what it has besides its machine.
struct node {
    enum class kind { parkserver, manager, worker };
    explicit node(kind what)
        : is(what), park_out(settings), manager_out(settings), worker_out(settings) {}

    kind is;
    std::string name;
    std::string id;  // in hexadecimal; none of a parkserver
    maus::base::settings settings;
    maus::limits& bounds = settings.limits;
    options given;  // what it was made with
    std::uint64_t number = 0;
    std::uint64_t lives = 0;
    bool alive = false;
    bool suspended = false;

    std::unique_ptr<maus::broker::parkserver> park;
    maus::core::outbox park_out;
    std::unique_ptr<maus::core::manager> manager;
    maus::core::manager_effects manager_out;
    std::unique_ptr<maus::core::worker> worker;
    maus::core::worker_effects worker_out;

    std::deque<maus::core::job> waiting;  // the worker's executor
    std::vector<maus::core::job> running, detached;
    std::set<maus::wire::attempt> cancelled;
    bool hook_runs = false;
    std::vector<std::pair<std::uint64_t, maus::core::job>> asking;  // by their callbacks
    std::vector<maus::core::called_back> callables;                 // the manager's, that run
};

/// "1, 2": what the items of a stream say.
[[nodiscard]] std::string numbers_in(const maus::wire::items& all);

class stage {
public:
    stage();
    ~stage();
    /// Carries out one command and returns what it led to, a line for each effect.
    std::string play(const std::string& command);

private:
    struct wire {
        node* ends[2]{};  // who opened it; who accepted it
        route at[2]{};    // as each calls it
        std::string endpoint;
        bool connected = false;
        bool closed = false;
    };
    struct parcel {
        wire* on;
        int to;                                   // which end
        std::optional<maus::wire::message> what;  // none: the connection is gone
    };
    struct call {
        std::string name;
        node* of = nullptr;
        std::string function;
        maus::base::call_id id;
    };

    // --- commands
    void make(node::kind what, const std::string& name, const options& given);
    void boot(node& which);
    void kill(node& which);
    void request(node& of, const std::string& group, const options& given);
    void submit(node& of, const std::vector<std::string>& words, const options& given);
    void finish(node& of, const std::vector<std::string>& words, const options& given);
    void give(node& of, const std::vector<std::string>& words);
    void read(node& of, const std::vector<std::string>& words);
    void ask(node& of, const std::vector<std::string>& words, const options& given);
    void reply(node& of, const std::vector<std::string>& words);
    void register_again(node& of, const options& given);
    void forge(node& from, const std::string& record, const std::string& which,
               const options& given);
    void wait(duration time);
    void tell_state();

    // --- what goes on by itself
    void settle();
    bool connect_wires();
    bool deliver();
    void feed(node& to, parcel& what);
    void step(node& which);
    void apply(node& from, maus::core::outbox& out);
    void carry_out(node& from, maus::core::open& what);
    void carry_out(node& from, maus::core::close& what);
    void carry_out(node& from, maus::core::send& what);
    void carry_out(node& from, maus::core::note& what);
    void work(node& of);
    void called_back(node& of, const maus::core::callback_done& what);
    void settled(node& of);
    [[nodiscard]] instant next_deadline(const node& of) const;
    [[nodiscard]] bool held_up(const parcel& what) const;
    void hang_up(wire& which, int but_for);

    // --- names
    [[nodiscard]] node& find(const std::string& name) const;
    [[nodiscard]] wire* wire_of(const node& of, route at, int* end = nullptr) const;
    [[nodiscard]] const call& call_of(maus::base::call_id id) const;
    [[nodiscard]] std::string name_of(maus::base::lease_id lease) const;
    [[nodiscard]] std::string describe(const maus::wire::message& what) const;
    [[nodiscard]] std::string describe(const maus::wire::control& what) const;
    [[nodiscard]] std::string describe(const maus::wire::record& what) const;
    void say(std::string line);

    friend struct teller;

    instant now_{std::chrono::seconds{1}};
    instant told_{now_};
    std::vector<std::unique_ptr<node>> nodes_;
    std::vector<std::unique_ptr<wire>> wires_;
    std::deque<parcel> parcels_;
    std::set<std::pair<const node*, const node*>> cuts_;    // who says it, who shall not hear it
    std::set<std::pair<const node*, const node*>> hidden_;  // who is gone, who shall not notice it
    std::vector<call> calls_;
    std::map<std::string, std::uint32_t> methods_;
    std::map<std::pair<const node*, std::string>, maus::base::group_id> groups_;
    std::uint64_t accepted_ = 0;
    std::uint64_t asked_ = 0;
    std::string said_;
};

}  // namespace dialogue
