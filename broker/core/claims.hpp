// Which workers managers say that they have, beside those that they were leased from here.
//
// A worker serves one request at a time: what its manager says last is right. So there is one claim of a
// manager to a worker. A manager's claims are one sorted array: lists of tens of thousands come in one
// message, and others wait while it is read (`maus-faults run long-lists` prints how long).
//
// Pure: no socket, clock or thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "maus/base/id.hpp"

namespace maus::broker {

class claims {
public:
    struct claim {
        base::worker_id worker;
        base::request_id request;
        base::lease_id lease;
        bool counts = false;  // its worker does not say otherwise
        bool gone = false;    // inside: one by one they are only marked, so that each costs little
    };

    /// Adds all of one request. Returns those of other requests of this manager that end by it.
    std::vector<claim> add(const base::manager_id& of, std::vector<claim>&& more);
    void erase(const base::manager_id& of, const base::worker_id& worker);
    void erase_all(const base::manager_id& of, base::request_id request);
    void erase_all(const base::manager_id& of) { of_.erase(of); }
    /// How many of a request count.
    [[nodiscard]] std::uint32_t counted(const base::manager_id& of, base::request_id request) const;
    [[nodiscard]] const claim* find(const base::manager_id& of, const base::worker_id& worker);
    /// Calls `see(manager, claim)` for each claim to a worker.
    template <class See>
    void each_to(const base::worker_id& worker, See see) {
        for (auto& [manager, claimed] : of_) {
            claim* const found = find_in(claimed.all, worker);
            if (found != nullptr) see(manager, *found);
        }
    }

private:
    struct list {
        std::vector<claim> all;  // by worker
        std::size_t gone = 0;
    };
    static void sweep(list& which);
    [[nodiscard]] static claim* find_in(std::vector<claim>& all, const base::worker_id& worker);

    std::map<base::manager_id, list> of_;  // none is empty
};

}  // namespace maus::broker
