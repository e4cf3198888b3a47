// The answer to a status query (parkserver.hpp). Counters stand in that header.
//
// A query is ten bytes, and its answer may be 64 MiB. So a large answer serves all who ask within a
// moment, each connection once; how large it is, is known before it is made; it is made in slices and
// handed over to a few at a time, so that others do not wait for it; and while earlier ones wait for
// peers that do not take them, only so many more are made. Who asks for pages gets small answers,
// whatever the number of peers.
#include <algorithm>
#include <numeric>

#include "broker/core/parkserver.hpp"
#include "maus/wire/archive.hpp"

namespace maus::broker {

using core::outbox;

namespace {

/// Answers up to this size are always made anew. For larger ones there is a moment that grows with
/// them, so that making them takes a fraction of the time.
constexpr std::size_t small_bytes = 64u << 10;
constexpr std::size_t bytes_a_ms = 256u << 10;
/// Larger ones are made in slices of this size.
constexpr std::size_t slice_bytes = 1u << 20;
/// So many times message_bytes_max may wait for those who asked.
constexpr std::size_t answers_max = 2;

duration moment_of(std::size_t bytes) {
    if (bytes <= small_bytes) return {};
    return std::chrono::milliseconds{1 + bytes / bytes_a_ms};
}

template <class... Ts>
std::size_t bytes_of(const Ts&... values) {
    base::buffer encoded;
    wire::encode(encoded, values...);
    return encoded.size();
}
std::size_t bytes_of(const std::vector<std::string>& texts) {
    return std::accumulate(texts.begin(), texts.end(), std::size_t{0},
                           [](std::size_t sum, const std::string& each) {
                               return sum + sizeof(std::uint32_t) + each.size();
                           });
}

wire::message shared(const base::shared_buffer& frame) {
    wire::message made;
    made.first = base::share(frame, frame->view());
    return made;
}

}  // namespace

void parkserver::tell_status(route to, instant now, outbox& out) {
    const bool is_over = now >= answer_.until && !answer_.making;
    if (is_over && answer_.waiting.empty()) make_answer(now);
    if (answer_.bytes > config_.settings.limits.message_bytes_max) {
        // It would only cost the asker its connection.
        return reject(to, errc::too_large,
                      "the status of " + std::to_string(workers_.size()) +
                          " workers is larger than message_bytes_max",
                      out);
    }
    const bool others_wait = is_over && !answer_.waiting.empty();
    if (others_wait || (!answer_.frame && !answer_.making)) {
        return reject(to, errc::overloaded, "earlier answers were not taken yet: ask again", out);
    }
    const bool is_kept = answer_.making || answer_.until > now;
    if (is_kept && !answer_.told.insert(to).second) {
        return reject(to, errc::overloaded, "it was told a moment ago: ask again", out);
    }
    if (answer_.bytes > slice_bytes) {
        answer_.waiting.push_back(to);
        hand_over_at_ = std::min(hand_over_at_, now);
        return;
    }
    out.push(core::send{to, std::nullopt, shared(answer_.frame), 1});
    if (!is_kept) answer_ = {};
}

void parkserver::make_answer(instant now) {
    answer_ = {};
    answer_.bytes = status_bytes();
    answer_.until = base::after(now, moment_of(answer_.bytes));
    const std::size_t bytes_max = config_.settings.limits.message_bytes_max;
    if (answer_.bytes > bytes_max) return;
    if (untaken_bytes() + answer_.bytes > answers_max * bytes_max) return;
    begin_answer(now);
}

// Of a large one a slice at a time, and then a few at a time to those who wait for it: others have their
// turn in between.
void parkserver::go_on_with_answer(instant now, outbox& out) {
    if (answer_.making) {
        if (!write_slice(*answer_.making, now)) return;
        const std::size_t bytes_max = config_.settings.limits.message_bytes_max;
        answer_.bytes = answer_.making->message.first.size();
        if (answer_.bytes > bytes_max) {  // more have come meanwhile
            return refuse_waiting(errc::too_large, "the status is larger than message_bytes_max",
                                  out);
        }
        finish_answer(now);
    }
    if (!answer_.waiting.empty()) return hand_over(now, out);
    if (now >= answer_.until) answer_ = {};
}

void parkserver::hand_over(instant now, outbox& out) {
    constexpr std::size_t at_a_time = 4;
    constexpr std::chrono::milliseconds time_of_each{250}, rest{2};
    std::erase_if(handed_over_,
                  [&](const auto& each) { return each.frame.expired() || now >= each.until; });
    while (!answer_.waiting.empty() && handed_over_.size() < at_a_time) {
        // A keeper of its own tells when this one has been taken.
        const base::shared_buffer its(answer_.frame.get(), [all = answer_.frame](auto*) {});
        handed_over_.push_back({its, base::after(now, time_of_each)});
        out.push(core::send{answer_.waiting.front(), std::nullopt, shared(its), 1});
        answer_.waiting.pop_front();
    }
    hand_over_at_ = base::after(now, rest);
}

void parkserver::refuse_waiting(errc code, const std::string& why, outbox& out) {
    for (const route each : answer_.waiting) reject(each, code, why, out);
    answer_ = {};
}

void parkserver::forget_asker(route from) { std::erase(answer_.waiting, from); }

std::size_t parkserver::untaken_bytes() {
    std::erase_if(untaken_, [](const auto& each) { return each.expired(); });
    std::size_t waiting = 0;
    for (const auto& each : untaken_) {
        if (const auto frame = each.lock()) waiting += frame->size();
    }
    return waiting;
}

// --- pages --------------------------------------------------------------------------------------

struct parkserver::page {
    wire::status rows;
    std::size_t bytes = 0;
    void begin_section(std::uint8_t) {}
    [[nodiscard]] bool is_full() const { return bytes > small_bytes; }
    /// False: it is full. The first row always has room.
    [[nodiscard]] bool add(wire::worker_status row) { return add(rows.workers, std::move(row)); }
    [[nodiscard]] bool add(wire::manager_status row) { return add(rows.managers, std::move(row)); }
    [[nodiscard]] bool add(wire::request_status row) { return add(rows.requests, std::move(row)); }

private:
    template <class Row>
    [[nodiscard]] bool add(std::vector<Row>& to, Row row) {
        const std::size_t more = bytes_of(row);
        if (bytes != 0 && bytes + more > small_bytes) return false;
        bytes += more;
        to.push_back(std::move(row));
        return true;
    }
};

/// Row by row: all of it twice would be twice the memory.
struct parkserver::slice {
    status_in_making& of;
    std::size_t enough;
    void begin_section(std::uint8_t which) { of.begin_section(which); }
    [[nodiscard]] bool is_full() const { return of.message.first.size() >= enough; }
    template <class Row>
    [[nodiscard]] bool add(const Row& row) {
        wire::encode(of.message.first, row);
        ++of.count;
        return true;
    }
};

void parkserver::tell_page(route to, base::byte_view begin, instant now, outbox& out) {
    page_begin from;
    if (!begin.empty()) {
        auto read = wire::decode<page_begin>(begin);
        if (!read) {
            return reject(to, errc::protocol_violation, "that is where no page begins", out);
        }
        from = std::get<0>(read.value());
    }
    if (untaken_bytes() > answers_max * config_.settings.limits.message_bytes_max) {
        return reject(to, errc::overloaded, "earlier answers were not taken yet: ask again", out);
    }
    page made{status_without_rows(now)};
    base::buffer next;
    if (const auto rest = fill(made, from, now)) wire::encode(next, *rest);
    wire::extensions extended;
    if (!next.empty()) extended.push_back({wire::page_tag, next.view()});
    base::buffer elastic;
    if (const auto rows = elastic_rows(made.rows); !rows.empty()) wire::encode(elastic, rows);
    if (!elastic.empty()) extended.push_back({wire::elastic_tag, elastic.view()});
    base::buffer labelled;
    if (const auto rows = labels(made.rows); !rows.empty()) wire::encode(labelled, rows);
    if (!labelled.empty()) extended.push_back({wire::label_tag, labelled.view()});
    wire::message told = wire::encode_control(made.rows, extended);
    untaken_.push_back(base::keeper(told.first));
    out.push(core::send{to, std::nullopt, std::move(told), 1});
}

std::vector<wire::labelled_request> parkserver::labels(const wire::status& told) const {
    std::vector<wire::labelled_request> rows;
    for (const auto& each : told.requests) {
        const standing_request* const wanted = find({each.manager, each.request});
        if (wanted == nullptr || wanted->label.empty()) continue;
        rows.push_back({each.manager, each.request, wanted->label});
    }
    return rows;
}

// The rows in the order of their keys, so that one who is there all the time is told once, whoever comes and goes
// between two pages or slices. Gives where to go on; nothing: these were the last.
template <class Rows>
std::optional<parkserver::page_begin> parkserver::fill(Rows& to, page_begin from,
                                                       instant now) const {
    if (from.in == page_begin::in_workers) {
        for (auto at = workers_.lower_bound(from.worker); at != workers_.end(); ++at) {
            if (to.is_full() || !to.add(row_of(at->second, now))) {
                return page_begin{page_begin::in_workers, at->first, {}, {}};
            }
        }
        from = {page_begin::in_managers, {}, {}, {}};
        to.begin_section(from.in);
    }
    if (from.in == page_begin::in_managers) {
        for (auto at = managers_.lower_bound(from.manager); at != managers_.end(); ++at) {
            if (to.is_full() || !to.add(row_of(at->second, now))) {
                return page_begin{page_begin::in_managers, {}, at->first, {}};
            }
        }
        from = {page_begin::in_requests, {}, {}, {}};
        to.begin_section(from.in);
    }
    for (auto at = managers_.lower_bound(from.manager); at != managers_.end(); ++at) {
        const auto& wanted = at->second.requests;
        const bool goes_on = at->first == from.manager;
        for (auto each = goes_on ? wanted.lower_bound(from.request) : wanted.begin();
             each != wanted.end(); ++each) {
            if (to.is_full() || !to.add(row_of(at->first, each->first, each->second, now))) {
                return page_begin{page_begin::in_requests, {}, at->first, each->first};
            }
        }
    }
    return std::nullopt;
}

// --- rows ---------------------------------------------------------------------------------------

void parkserver::status_in_making::begin_section(std::uint8_t which) {
    if (which != page_begin::in_workers) end_section();
    count = 0;
    count_at = message.first.size();
    wire::encode(message.first, count);
}

void parkserver::status_in_making::end_section() {
    wire::store(message.first.data() + count_at, count);
}

void parkserver::begin_answer(instant now) {
    status_in_making& made = answer_.making.emplace();
    base::buffer& to = made.message.first;
    to.reserve(answer_.bytes + slice_bytes);  // a few may come meanwhile
    wire::write_header(to, wire::channel::control, wire::status::type_number);
    wire::encode(to, config_.version, config_.id, config_.epoch, base::whole_ms(now - started_));
    made.begin_section(page_begin::in_workers);
    if (answer_.bytes <= slice_bytes && write_slice(made, now)) finish_answer(now);
}

void parkserver::finish_answer(instant now) {
    answer_.frame = base::keeper(answer_.making->message.first);
    answer_.making.reset();
    answer_.until = base::after(now, moment_of(answer_.bytes));
    untaken_.push_back(answer_.frame);
}

// True: it is the last one.
bool parkserver::write_slice(status_in_making& making, instant now) const {
    slice to{making, making.message.first.size() + slice_bytes};
    if (const auto rest = fill(to, making.next, now)) {
        making.next = *rest;
        return false;
    }
    making.end_section();
    return true;
}

std::size_t parkserver::status_bytes() const {
    static const std::size_t of_worker = bytes_of(wire::worker_status{});
    static const std::size_t of_manager = bytes_of(wire::manager_status{});
    static const std::size_t of_request = bytes_of(wire::request_status{});
    wire::status empty;
    empty.version = config_.version;
    std::size_t sum = wire::header_bytes + bytes_of(empty);
    for (const auto& [id, each] : workers_) {
        const wire::register_worker& of = each.registration;
        sum += of_worker + of.type.size() + of.host.size() + bytes_of(of.signatures);
    }
    for (const auto& [id, each] : managers_) {
        const wire::register_manager& of = each.registration;
        sum += of_manager + of.host.size() + bytes_of(of.endpoints);
        for (const auto& [request, wanted] : each.requests) sum += of_request + wanted.type.size();
    }
    return sum;
}

wire::worker_status parkserver::row_of(const worker& who, instant now) const {
    wire::worker_status row;
    row.worker = who.registration.worker;
    row.incarnation = who.registration.incarnation;
    row.type = who.registration.type;
    row.signatures = who.registration.signatures;
    row.concurrency = who.registration.concurrency;
    row.host = who.registration.host;
    row.pid = who.registration.pid;
    row.state = who.state;
    row.lease = who.lease;
    const auto serves = leases_.find(who.lease);
    if (serves != leases_.end()) row.manager = serves->second.manager;
    row.age_ms = base::whole_ms(now - who.since);
    return row;
}

wire::manager_status parkserver::row_of(const manager& who, instant now) const {
    const wire::register_manager& of = who.registration;
    return {of.manager, of.endpoints, of.host, of.pid, base::whole_ms(now - who.since)};
}

wire::request_status parkserver::row_of(const manager_id& of, request_id request,
                                        const standing_request& wanted, instant now) const {
    return {of,
            request,
            wanted.type,
            wanted.amount,
            wanted.serving(),
            base::whole_ms(now - wanted.since)};
}

wire::status parkserver::status_without_rows(instant now) const {
    wire::status made;
    made.version = config_.version;
    made.parkserver = config_.id;
    made.epoch = config_.epoch;
    made.uptime_ms = base::whole_ms(now - started_);
    return made;
}

wire::status parkserver::status(instant now) const {
    wire::status made = status_without_rows(now);
    for (const auto& [id, each] : workers_) made.workers.push_back(row_of(each, now));
    for (const auto& [id, each] : managers_) {
        made.managers.push_back(row_of(each, now));
        for (const auto& [request, wanted] : each.requests)
            made.requests.push_back(row_of(id, request, wanted, now));
    }
    return made;
}

}  // namespace maus::broker
