#include "maus/core/outbox.hpp"

namespace maus::core {

void outbox::control(route to, const wire::control& what) {
    push(send{to, std::nullopt, wire::encode_control(what), 1});
}

wire::link_writer outbox::link(port& to) {
    const auto gathering = [&]() -> send* {
        if (to.outbox_serial != serial_) return nullptr;
        auto* batch = std::get_if<send>(&effects_[to.at]);
        const bool full = batch->records >= bounds_.batch_records_max ||
                          batch->what.first.size() >= bounds_.batch_bytes_max ||
                          batch->what.frames() + 2 > bounds_.frames_max;
        return full ? nullptr : batch;
    };
    send* batch = gathering();
    if (batch == nullptr) {
        to.outbox_serial = serial_;
        to.at = effects_.size();
        effects_.push_back(send{to.to, to.relayed, {}, 0});
        batch = std::get_if<send>(&effects_.back());
    }
    ++batch->records;
    return {batch->what, bounds_};
}

}  // namespace maus::core
