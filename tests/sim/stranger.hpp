// Somebody from outside who speaks badly: joins as a worker and answers no offer, says what is not
// its own to say, and garbage; or as a manager that says it has far more workers than there are. Nobody else may come to harm by it.
#pragma once

#include <optional>

#include "maus/core/outbox.hpp"
#include "process.hpp"

namespace maus::sim {

class stranger : public process {
public:
    using process::process;
    [[nodiscard]] std::string name() const override;

private:
    void make(bool keep_identity) override;
    void unmake() override { out_.reset(); }
    void feed(input& what) override;
    [[nodiscard]] bool turn() override { return apply(*out_); }
    void begin_stop() override;
    [[nodiscard]] bool has_stopped() const override { return stopped_; }
    [[nodiscard]] instant next_deadline() const override { return never; }
    void own_event(std::uint64_t detail) override;
    void dial();
    void join();
    void join_as_manager();
    void hoard();
    void meddle();
    void talk_rubbish();

    std::optional<core::outbox> out_;
    base::settings settings_;
    base::worker_id id_;
    std::uint64_t routes_ = 0;
    bool is_up_ = false;
    bool at_parkserver_ = false;
    bool hoards_ = false;
    std::vector<base::token> tokens_;  // of its requests, when it hoards
    bool stopped_ = false;
};

}  // namespace maus::sim
