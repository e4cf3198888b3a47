// Functions that give items (worker.hpp): what they gave is sent, in order, and their credit is passed on.
#include "maus/core/worker.hpp"

namespace maus::core {

bool worker::gives_items(std::uint16_t function) const {
    return !streams_.empty() && streams_[function];
}

void worker::on(job_items&& event, instant now, worker_effects& out) {
    if (event.link != answerable()) return;
    const auto its = lease_.streams.find(event.attempt);
    if (its != lease_.streams.end() && its->second.instead) return;
    if (event.payload.size() > result_bytes_max_) [[unlikely]] {
        return send_what_fits(std::move(event), now, out);
    }
    send_items(std::move(event), now, out);
}

// What a link's items have before them is bounded as all that is large is ([P-85]): so all go that way.
void worker::send_items(job_items&& some, instant now, worker_effects& out) {
    if (!lease_.large) {
        const bool apart = some.payload.size() >= config_.settings.limits.payload_apart_bytes;
        return (apart ? out.net.link_alone(lease_.link) : out.net.link(lease_.link))
            .items(some.attempt, some.count, std::move(some.payload));
    }
    ++lease_.streams[some.attempt].records;
    transfers::transfer next{some.attempt, 0, false, std::move(some.payload)};
    next.items = some.count;
    lease_.large->add(std::move(next));
    pump_large(now, out);
    if (lease_.large->waiting_bytes() > config_.settings.limits.queued_bytes_max) {
        end_link(true, "more items than queued_bytes_max wait for it to take them", now, out);
    }
}

// One after the other: the manager takes no more at a time. If it does not take one, that is the end.
void worker::send_what_fits(job_items&& some, instant now, worker_effects& out) {
    const std::uint64_t link = some.link;
    base::byte_view left = some.payload.view();
    for (std::uint32_t i = 0; i < some.count && link == answerable(); ++i) {
        const auto item = wire::next_item(left, some.count);
        if (item.size() > result_bytes_max_) {
            const wire::fault why = result_too_large(item.size());
            lease_.streams[some.attempt].instead =
                job_fault{wire::code_of(why.error), {}, why.text};
            out.cancel.push_back(some.attempt);
            return;
        }
        send_items({link, some.attempt, 1, base::buffer{item}}, now, out);
    }
}

// True: its items come first. A stream's end must not overtake them.
bool worker::holds_end(job_done& event) {
    const auto found = lease_.streams.find(event.attempt);
    if (found == lease_.streams.end()) return false;
    if (found->second.instead) event.outcome = *found->second.instead;
    if (found->second.records == 0) {
        lease_.streams.erase(found);
        return false;
    }
    found->second.end = std::move(event);
    return true;
}

void worker::items_sent(wire::attempt of, worker_effects& out) {
    const auto found = lease_.streams.find(of);
    if (found == lease_.streams.end()) {  // it was a result
        ++counters_.answers;
        return;
    }
    if (--found->second.records != 0) return;
    if (found->second.instead && !found->second.end) return;  // it has still to be told
    auto end = std::move(found->second.end);
    lease_.streams.erase(found);
    if (!end) return;
    if (auto* value = std::get_if<job_value>(&end->outcome)) {
        out.net.link(lease_.link).result(of, std::move(value->payload));
        ++counters_.answers;
    } else {
        answer_without_value(*end, out);
    }
}

std::size_t worker::unsent_answers() const {
    std::size_t many = lease_.large->unsent();
    for (const auto& [of, items] : lease_.streams)
        many = many - items.records + (items.end ? 1 : 0);
    return many;
}

// For a call that is not handed out yet. It does not look through them: a peer may say a million of these.
void worker::keep_more(const wire::more& more) {
    const auto same = kept_more_.find(more.of);
    if (same != kept_more_.end()) {
        wire::more& sum = same->second;
        sum.items += std::min(more.items, ~sum.items);
        sum.bytes += std::min(more.bytes, ~sum.bytes);
    } else if (kept_more_.size() < kept_.size()) {  // a peer says no more than makes sense
        kept_more_.emplace(more.of, more);
    }
}

bool worker::gets_more(const wire::record& record, worker_effects& out) {
    const auto more = wire::decode_more(record.body);
    if (!more || !wire::uses(lease_.features, wire::feature_streams)) return false;
    if (state_ == state::preparing) {
        keep_more(*more);
    } else {
        out.more.push_back(*more);
    }
    return true;
}

}  // namespace maus::core
