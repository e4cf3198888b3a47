#include "maus/core/outbox.hpp"

namespace maus::core {

void outbox::control(route to, const wire::control& message, const wire::extensions& extended) {
    push(send{to, std::nullopt, wire::encode_control(message, extended), 1});
}

wire::link_writer outbox::link_alone(link_address& to) {
    to.outbox_serial = serial_;
    to.at = effects_.size();
    effects_.push_back(send{to.to, to.relayed, {}, 1});
    return {std::get_if<send>(&effects_.back())->message, limits_};
}

}  // namespace maus::core
