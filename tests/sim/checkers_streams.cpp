// What must be true of streams (checkers.hpp): P-114 to P-116, as far as a history shows them.
#include "checkers.hpp"

#include <algorithm>

namespace maus::sim {

void checkers::got(const fact& what) {
    expect(what.right, "I3", what, "an item that is not as its function made it");
    const auto found = calls_.find(what.ticket);
    if (found == calls_.end()) return fail("P-114", what, "an item of no call");
    call& of = found->second;
    expect(of.settled == 0, "P-115", what, "an item came when its stream had ended");
    expect(what.attempt == of.sent, "I4", what, "an item of an older attempt");
    expect(what.stamp == of.items, "P-116", what,
           "item " + std::to_string(what.stamp) + " came where " + std::to_string(of.items) +
               " belongs");
    // The last one may go beyond what its worker may send.
    expect(of.unread < bounds_.stream_items_max && of.unread_bytes < bounds_.stream_bytes_max,
           "P-114", what,
           "it came when " + std::to_string(of.unread) + " items of " +
               std::to_string(of.unread_bytes) + " bytes were unread");
    ++of.items;
    ++of.unread;
    of.unread_bytes += what.amount;
    of.moved = what.local;
    of.started_at = std::max(of.started_at, what.at);
}

bool checkers::waits_for_its_reader(const call& of) const {
    return of.unread >= std::max<std::size_t>(bounds_.stream_items_max, 1) ||
           of.unread_bytes >= bounds_.stream_bytes_max;
}

void checkers::gave(const fact& what) {
    const auto& here = services_[{what.process, what.life}].given;
    const auto task = here.find({what.call, what.attempt});
    const bool came =
        task != here.end() && task->second.over == service::way{what.link, what.lease};
    expect(came, "P-115", what, "it gave an item of a call that did not come over this link");
}

void checkers::read(const fact& what) {
    call& of = calls_[what.ticket];
    // Its function can go on only now. Else it could have before.
    if (waits_for_its_reader(of)) of.moved = what.local;
    of.unread -= what.amount;
    of.unread_bytes -= what.stamp;
    of.started_at = std::max(of.started_at, what.at);
}

void checkers::stream_settled(const fact& what, const call& of) {
    expect(of.ended.contains(of.sent), "I1", what, "there was no complete execution");
    expect(of.items == items_of(of.argument), "P-116", what,
           "it ended with " + std::to_string(of.items) + " of " +
               std::to_string(items_of(of.argument)) + " items");
}

}  // namespace maus::sim
