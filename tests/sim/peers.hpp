// The shells of the three machines, with simulated surroundings.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>

#include "broker/core/parkserver.hpp"
#include "executor.hpp"
#include "maus/core/manager.hpp"
#include "maus/core/worker.hpp"
#include "process.hpp"
#include "program.hpp"

namespace maus::sim {

class parkserver_process : public process {
public:
    using process::process;
    [[nodiscard]] std::string name() const override;
    [[nodiscard]] const broker::parkserver* core() const { return core_ ? &*core_ : nullptr; }

private:
    void make(bool keep_identity) override;
    void unmake() override { core_.reset(); }
    void feed(input& what) override;
    [[nodiscard]] bool turn() override;
    void begin_stop() override;
    [[nodiscard]] bool has_stopped() const override { return stopped_; }
    [[nodiscard]] instant next_deadline() const override;
    void hear(const core::received& from);
    [[nodiscard]] bool is_readable(const core::received& from) const;
    void heard(const core::received& from, const wire::register_worker& what);
    void heard(const core::received& from, const wire::request& what,
               const wire::extensions& extended);
    void heard(const core::received& from, const wire::worker_lost& what);
    void heard_word(const core::received& from, const base::worker_id& of,
                    const std::optional<wire::service>& word, bool registers);
    void take_request();
    void look();
    void name(const base::worker_id& worker, const base::manager_id& manager,
              const base::lease_id& lease, const base::token& token);
    void collect();
    void witness(core::send& what);
    void witness(const core::note& what);
    void count();

    struct peer {
        base::worker_id worker;
        base::manager_id manager;
        std::uint64_t incarnation = 0;
        std::string type;  // of a worker
    };
    std::map<std::uint64_t, peer> peers_;  // by route
    std::set<std::uint64_t> parted_;  // routes that it closed: it hears nothing of them any more
    std::size_t collected_ = 0;       // of what the machine wants to say
    base::route input_from_{};
    std::uint64_t registrations_ = 0, relayed_ = 0, workers_lost_ = 0, managers_lost_ = 0;
    std::uint64_t violations_ = 0;
    bool judged_ = false;        // whether this input breaks the protocol needs no answer to tell
    std::vector<fact> request_;  // that this input makes, unless it is rejected
    bool rejected_ = false;
    bool to_look_ = false;  // its table may have changed
    struct row {
        std::string_view state;
        base::lease_id lease;
        base::manager_id manager;
        friend bool operator==(const row&, const row&) = default;
    };
    std::map<base::worker_id, row> rows_;  // as they were told
    std::set<std::string> granted_;
    std::optional<broker::parkserver> core_;
    std::optional<core::outbox> out_;
    base::settings settings_;
    bool stopped_ = false;
};

class manager_process : public process {
public:
    manager_process(world& in, std::uint32_t number);
    [[nodiscard]] std::string name() const override;
    [[nodiscard]] const core::manager* core() const { return core_.get(); }
    [[nodiscard]] base::manager_id id() const { return id_; }
    [[nodiscard]] const program* user() const { return program_.get(); }

private:
    [[nodiscard]] std::string bad_address();
    friend class program;
    void make(bool keep_identity) override;
    void unmake() override;
    void feed(input& what) override;
    [[nodiscard]] bool turn() override;
    void begin_stop() override;
    [[nodiscard]] bool has_stopped() const override { return stopped_; }
    [[nodiscard]] instant next_deadline() const override;
    void own_event(std::uint64_t detail) override;
    void said(core::send& what) override;
    void collect();
    void count();
    void witness_heard(core::received& from);
    void note_late(base::route from, std::size_t results, std::uint64_t rejected);

    std::unique_ptr<core::manager> core_;
    std::unique_ptr<core::manager_effects> out_;
    std::unique_ptr<program> program_;
    base::settings settings_;
    base::manager_id id_{};
    std::uint64_t settled_values_ = 0, settled_errors_ = 0, submitted_ = 0, sent_ = 0;
    std::uint64_t welcomed_ = 0, released_ = 0, violations_ = 0, unimplemented_known_ = 0;
    std::uint64_t late_ = 0;                           // results that no call was waiting for
    std::map<std::uint64_t, std::uint32_t> attempts_;  // that were sent, by ticket
    std::set<std::uint64_t> failed_;                   // tickets
    std::set<std::uint64_t> answering_;                // routes of links that results came by
    std::set<std::pair<base::route, base::lease_id>> returned_at_;  // links of workers that did
    struct beat {
        duration patience = duration::max();
        instant heard{};
    };
    std::map<std::uint64_t, beat> beats_;  // of workers, by route
    [[nodiscard]] wire::unfinished_payload& unfinished(const core::send& what);
    std::map<std::pair<base::route, base::lease_id>, wire::unfinished_payload> unfinished_;  // sent
    std::set<std::pair<base::route, base::lease_id>> given_back_;  // since the last turn
    bool stopped_ = false;
};

class worker_process : public process {
public:
    worker_process(world& in, std::uint32_t number, bool direct);
    [[nodiscard]] std::string name() const override;
    [[nodiscard]] const core::worker* core() const { return core_.get(); }
    [[nodiscard]] const std::string& type() const { return type_; }
    [[nodiscard]] bool is_direct() const { return direct_; }
    [[nodiscard]] base::worker_id id() const { return id_; }
    /// The lease for which it said hello last.
    [[nodiscard]] base::lease_id lease() const { return lease_; }
    /// Somebody else has this identity now.
    void lose_identity() { id_ = {}; }

private:
    friend class executor;
    /// It runs nothing that it is sent.
    [[nodiscard]] bool returns_all() const {
        return world_.phase == phase::chaos && local() < returns_until_;
    }
    void make(bool keep_identity) override;
    void unmake() override;
    void feed(input& what) override;
    [[nodiscard]] bool turn() override;
    void begin_stop() override;
    [[nodiscard]] bool has_stopped() const override;
    [[nodiscard]] instant next_deadline() const override;
    void own_event(std::uint64_t detail) override;
    void said(core::send& what) override;
    void witness_given(const input& what);
    void witness_answers(const core::send& what);
    void babble();
    void forge();
    void note_unimplemented(const wire::record& record);
    void accept_again();
    void note_hello(core::send& what);
    void note_control(const core::send& what);
    void tell(executor::news what);
    void count();
    [[nodiscard]] core::worker_config config();

    bool direct_;
    std::string type_;
    std::unique_ptr<core::worker> core_;
    std::unique_ptr<core::worker_effects> out_;
    std::unique_ptr<executor> executor_;
    base::settings settings_;
    base::worker_id id_{};
    base::lease_id lease_{};
    base::route link_{};  // and lease: where it spoke to a manager last
    std::optional<base::lease_id> relayed_;
    instant returns_until_{};
    std::deque<wire::message> old_results_;
    std::uint64_t leases_ = 0;
    std::uint64_t jobs_ = 0, jobs_done_ = 0;
    std::uint64_t unimplemented_known_ = 0;
    std::uint64_t answers_ = 0, answers_at_once_ = 0;          // to calls that became no jobs
    std::set<std::pair<std::uint64_t, std::uint32_t>> taken_;  // attempts that became jobs
    base::route accepted_at_{};                                // and what it accepted there last
    std::optional<wire::accepted> accepted_;
};

}  // namespace maus::sim
