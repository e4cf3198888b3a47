// All that is connected to a gateway, and what they share.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "broker/web/core/pages.hpp"
#include "broker/web/core/session.hpp"
#include "maus/base/settings.hpp"
#include "maus/core/repeated_notes.hpp"
#include "maus/net/clock.hpp"
#include "maus/options.hpp"
#include "maus/shell/program_code.hpp"

namespace maus::web {

/// One connection: a browser that asks for pages, or a WebSocket.
class visitor {
public:
    virtual ~visitor() = default;
    /// The gateway stops: closes it as its protocol says, within farewell_max.
    virtual void stop() = 0;
    /// Somebody else needs its place: ends it at once.
    virtual void turn_away() = 0;

    static constexpr std::chrono::seconds farewell_max{2};
};

/// Who is here. In the order in which they came.
class visitors {
public:
    using number = std::uint64_t;

    number enter(visitor& who) {
        strangers_.emplace(++entered_, &who);
        return entered_;
    }
    /// It goes on as another object.
    void become(number which, visitor& who) {
        if (const auto found = strangers_.find(which); found != strangers_.end()) {
            found->second = &who;
        }
    }
    void showed_token(number which) {
        if (auto node = strangers_.extract(which)) known_.insert(std::move(node));
    }
    void leave(number which) {
        strangers_.erase(which);
        known_.erase(which);
    }
    [[nodiscard]] std::size_t size() const { return strangers_.size() + known_.size(); }
    /// Null if all have shown a token.
    [[nodiscard]] visitor* oldest_stranger() const {
        return strangers_.empty() ? nullptr : strangers_.begin()->second;
    }
    /// A copy, since some leave when they are told something.
    [[nodiscard]] std::map<number, visitor*> all() const {
        auto copy = strangers_;
        copy.insert(known_.begin(), known_.end());
        return copy;
    }
    [[nodiscard]] bool has(number which) const {
        return strangers_.contains(which) || known_.contains(which);
    }

private:
    std::map<number, visitor*> strangers_;  // no token yet
    std::map<number, visitor*> known_;
    number entered_ = 0;
};

/// What all connections of a gateway share.
struct gateway_state {
    session_config config;
    base::settings settings;  // of the connections to the parkserver
    std::string parkserver;
    names called;
    std::filesystem::path root;
    log_function log;
    web::visitors visitors;
    core::repeated_notes repeated;

    /// What others can cause again and again.
    void complain(log_level level, std::string_view text) {
        const auto line = repeated.told(level, text, net::clock_now());
        if (line) shell::log_safely(log, line->level, line->text);
    }
};

}  // namespace maus::web
