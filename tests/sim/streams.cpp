// The simulated functions that give items (executor.hpp).
#include "executor.hpp"
#include "maus/wire/call_extensions.hpp"
#include "peers.hpp"

namespace maus::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;

void executor::begin_stream(run& made) const {
    if (!made.job.extensions) return;
    const auto read = wire::decode_call_extensions(made.job.extensions->view(), {});
    if (read && read->stream) made.credit = core::item_credit(*read->stream);
}

// A few at a time, as far as its credit goes.
void executor::give_items(std::uint64_t number, run& of) {
    if (of.cancelled) return end_stream(number);
    const std::uint64_t all = items_of(of.args.argument);
    core::job_items some{of.job.link, of.job.attempt, 0, {}};
    for (std::uint64_t many = between(in_.luck_, 1, 4); many > 0 && of.next < all;) {
        item made;
        made.ticket = of.args.ticket;
        made.index = of.next;
        made.attempt = of.job.attempt.number.value;
        made.extra = extra_of(of.args.argument, of.next);
        if (of.credit.take_skip()) {
            ++of.next;
            continue;
        }
        if (!of.credit.any()) break;
        base::buffer encoded = pack(made);
        of.credit.spend(encoded.size());
        wire::add_item(some.payload, some.count, std::move(encoded));
        ++of.next;
        --many;
    }
    const bool gave = some.count != 0;
    if (gave) news_.push_back(std::move(some));
    if (of.next == all) return finish(number);
    of.parked = !of.credit.any();
    if (!of.parked)
        return in_.own_in(between(in_.luck_, microseconds{10}, milliseconds{5}), number);
    if (of.detached) return;
    of.detached = true;
    --busy_;
    news_.push_back(core::job_detached{of.job.link, of.job.attempt});
}

void executor::end_stream(std::uint64_t number) {
    const auto found = runs_.find(number);
    const run done = std::move(found->second);
    runs_.erase(found);
    if (!done.detached) --busy_;
    news_.push_back(core::job_done{done.job.link, done.job.attempt, done.detached,
                                   core::job_fault{errc::cancelled, {}, "it was cancelled"}});
}

// What the machine wants of those that run: cancels, the end of their link, credit.
void executor::note_streams(const core::worker& machine) {
    std::vector<std::uint64_t> over;
    const auto among = [](const auto& all, const wire::attempt& which) {
        return std::find(all.begin(), all.end(), which) != all.end();
    };
    for (auto& [number, each] : runs_) {
        if (each.which != function::items) continue;
        const bool heard = each.job.link == machine.answerable();
        if (!heard || among(cancelled_, each.job.attempt)) each.cancelled = true;
        for (const auto& grant : more_) {
            if (heard && grant.of == each.job.attempt) each.credit.add(grant.items, grant.bytes);
        }
        if (!each.parked) continue;
        if (each.cancelled) {
            over.push_back(number);
        } else if (each.credit.any()) {
            each.parked = false;
            in_.own_in(microseconds{5}, number);
        }
    }
    for (const auto number : over) end_stream(number);
    // What is not begun has its credit when it begins.
    std::erase_if(more_, [&](const wire::more& grant) {
        return std::none_of(waiting_.begin(), waiting_.end(),
                            [&](const core::job& each) { return each.attempt == grant.of; });
    });
}

}  // namespace maus::sim
