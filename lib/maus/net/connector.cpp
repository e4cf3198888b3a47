#include "maus/net/connector.hpp"

#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "maus/error.hpp"
#include "maus/net/clock.hpp"

namespace maus::net {

namespace {
constexpr std::chrono::seconds look_up_max{5};
// With another address at hand the first one may be a dead end: an IPv6 address without a route.
constexpr std::chrono::seconds connect_max{5};
constexpr std::chrono::seconds connect_max_with_others{2};
constexpr std::chrono::seconds explain_max{1};
}  // namespace

struct connector::answer_box {
    struct letter {
        base::route to;
        addresses found;  // why alone: the answer to "why"
    };

    explicit answer_box(int fd) : wake_fd(fd) {}

    void put(letter said) {
        const std::lock_guard lock(guard);
        if (wake_fd < 0) return;
        letters.push_back(std::move(said));
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake_fd, &one, sizeof one);
    }
    std::vector<letter> take() {
        const std::lock_guard lock(guard);
        return std::exchange(letters, {});
    }
    void close() {
        const std::lock_guard lock(guard);
        wake_fd = -1;
    }

    std::mutex guard;
    std::vector<letter> letters;
    int wake_fd;
};

connector::connector(socket_maker make, int wake_fd)
    : make_(std::move(make)), answers_(std::make_shared<answer_box>(wake_fd)) {}

connector::~connector() { answers_->close(); }

// --- what happens to an attempt -----------------------------------------------------------------

void connector::open(base::route at, const std::string& endpoint) {
    attempt& made = attempts_[at];
    made.at = at;
    auto parsed = base::parse_endpoint(endpoint, base::endpoint_use::connect);
    if (!parsed) return fail(made, parsed.why().message);
    made.place = std::move(parsed).value();
    if (made.place.is_name()) return look_up(made);
    made.untried.push_back(made.place.host);
    try_next(made, clock_now());
}

void connector::look_up(attempt& by) {
    by.until = base::after(clock_now(), look_up_max);
    look_up_later(by.place.host, [box = answers_, at = by.at](const addresses& answer) {
        box->put({at, answer});
    });
}

void connector::try_next(attempt& by, base::instant now) {
    by.is = stage::connecting;
    by.place.host = std::move(by.untried.back());
    by.untried.pop_back();
    const auto time = by.untried.empty() ? connect_max : connect_max_with_others;
    by.begun = now;
    by.until = base::after(now, time);
    try {
        by.by = make_();
        by.by->connect(to_string(by.place));
    } catch (const std::exception& failed) {
        fail(by, failed.what());
    }
}

void connector::ask_why(attempt& by, base::instant now) {
    by.is = stage::asking_why;
    by.by.reset();
    by.until = base::after(now, explain_max);
    explain_later(by.place, [box = answers_, at = by.at](const std::string& why) {
        box->put({at, {{}, why}});
    });
}

void connector::fail(attempt& which, std::string why) {
    which.is = stage::ended;
    which.by.reset();
    which.why = std::move(why);
}

// --- what has happened --------------------------------------------------------------------------

std::vector<connector::outcome> connector::advance_to(base::instant now) {
    take_answers(now);
    std::vector<outcome> ended;
    for (auto each = attempts_.begin(); each != attempts_.end();) {
        attempt& one = each->second;
        if (one.is == stage::connecting) read_events(one, now);
        if (one.is != stage::ended && now >= one.until) time_is_up(one, now);
        if (one.is != stage::ended) {
            ++each;
            continue;
        }
        ended.push_back({one.at, std::move(one.by), one.fd, one.closed, std::move(one.why)});
        each = attempts_.erase(each);
    }
    return ended;
}

void connector::take_answers(base::instant now) {
    for (auto& letter : answers_->take()) {
        const auto found = attempts_.find(letter.to);
        if (found == attempts_.end()) continue;
        attempt& of = found->second;
        if (letter.found.found.empty()) {
            fail(of, std::move(letter.found.why));
        } else {
            of.untried.assign(letter.found.found.rbegin(), letter.found.found.rend());
            try_next(of, now);
        }
    }
}

void connector::read_events(attempt& of, base::instant now) {
    std::vector<monitor_event> events;
    of.by->read_monitor(events);
    bool refused = false;
    for (const auto& event : events) {
        if (event.kind == ZMQ_EVENT_CONNECTED) of.fd = event.fd;
        if (event.kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) of.connected = true;
        if (event.kind == ZMQ_EVENT_DISCONNECTED) of.closed = true;
        if (event.kind == ZMQ_EVENT_CLOSED) refused = true;
    }
    if (of.connected) {
        of.is = stage::ended;
    } else if (!of.closed && !refused) {
        return;
    } else if (!of.untried.empty()) {
        of.closed = false;
        try_next(of, now);
    } else if (of.closed) {
        const bool was_silent = now - of.begun >= handshake_max;
        fail(of, was_silent ? "it takes connections and says nothing"
                            : "it takes connections and closes them");
    } else {
        ask_why(of, now);
    }
}

void connector::time_is_up(attempt& of, base::instant now) {
    switch (of.is) {
        case stage::looking_up: return fail(of, "looking its name up takes too long");
        case stage::connecting:
            if (!of.untried.empty()) return try_next(of, now);
            return fail(of, "timed out");
        case stage::asking_why: return fail(of, "no answer");
        case stage::ended: break;
    }
}

base::instant connector::next_deadline() const {
    base::instant next = base::never;
    for (const auto& [at, each] : attempts_) {
        next = std::min(next, each.is == stage::ended ? base::instant{} : each.until);
    }
    return next;
}

}  // namespace maus::net
