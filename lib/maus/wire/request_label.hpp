// What a manager calls a request (PROTOCOL.md, P-118): an extension of `request`, and one of a status in pages,
// which tells the labels of the requests among its rows. It is for people who look, and has no other effect.
#pragma once

#include <string>
#include <vector>

#include "maus/base/id.hpp"
#include "maus/limits.hpp"
#include "maus/wire/extension.hpp"

namespace maus::wire {

struct labelled_request {
    base::manager_id manager;
    base::request_id request;
    std::string label;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(manager, request, label);
    }
};

/// What a request's extensions say; empty: it has none, or one that is no good name.
[[nodiscard]] std::string request_label_in(const extensions& among, const limits& bounds);
/// What those of a status say; what is unreadable is as if it were not there.
[[nodiscard]] std::vector<labelled_request> request_labels_in(const extensions& among);

}  // namespace maus::wire
