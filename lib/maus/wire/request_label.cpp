#include "maus/wire/request_label.hpp"

#include "maus/wire/archive.hpp"
#include "maus/wire/message.hpp"
#include "maus/wire/types.hpp"

namespace maus::wire {

std::string request_label_in(const extensions& among, const limits& bounds) {
    const auto bytes = find(among, label_tag);
    if (!bytes) return {};
    std::string label(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    return good_name(label, bounds.name_bytes_max) ? label : std::string{};
}

std::vector<labelled_request> request_labels_in(const extensions& among) {
    auto bytes = find(among, label_tag);
    std::vector<labelled_request> rows;
    if (!bytes || decode_front(*bytes, rows)) return {};
    return rows;
}

}  // namespace maus::wire
