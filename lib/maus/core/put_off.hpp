// Messages of strangers that take long to read, and what came behind them.
//
// A registration or a hello may be megabytes of signatures. Such ones are read one by one, with rests: many
// strangers that come at a time keep nobody else waiting. What they say behind it waits with it, and that is
// not much: nobody answers them yet.
//
// Pure: no socket, clock or thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>
#include <utility>

#include "maus/base/assert.hpp"
#include "maus/base/time.hpp"
#include "maus/wire/message.hpp"

namespace maus::core {

using base::duration;
using base::instant;
using base::never;

/// By sender.
template <class Key, class Hash = std::hash<Key>>
class put_off {
public:
    /// Between two of them.
    explicit put_off(duration rest) : rest_(rest) {}

    [[nodiscard]] static bool takes_long(const wire::message& message) {
        return message.first.size() > 64u << 10;
    }
    [[nodiscard]] bool empty() const { return order_.empty(); }
    [[nodiscard]] bool has(const Key& from) const { return waiting_.contains(from); }
    /// False: more would wait than may.
    [[nodiscard]] bool add(const Key& from, wire::message&& message, std::size_t bytes_max) {
        constexpr std::size_t messages_max = 16;
        const std::size_t bytes = message.bytes();
        const auto waiting = waiting_.find(from);
        const bool is_behind = waiting != waiting_.end();
        if (is_behind && waiting->second.size() >= messages_max) return false;
        if (bytes_ + bytes > bytes_max) return false;
        bytes_ += bytes;
        if (!is_behind) order_.push_back(from);
        waiting_[from].push_back(std::move(message));
        return true;
    }
    [[nodiscard]] instant next_deadline() const { return order_.empty() ? never : due_; }
    /// Whether one that takes long may be read at once. Then the rest begins.
    [[nodiscard]] bool take_turn(instant now) {
        if (!order_.empty() || now < due_) return false;
        due_ = base::after(now, rest_);
        return true;
    }
    /// The message whose turn it is; none: not yet. After one that takes long comes a rest.
    [[nodiscard]] std::optional<std::pair<Key, wire::message>> next(instant now) {
        if (order_.empty()) return std::nullopt;
        const Key from = order_.front();
        auto& its = waiting_.at(from);
        if (takes_long(its.front()) && now < due_) return std::nullopt;
        wire::message first = std::move(its.front());
        bytes_ -= first.bytes();
        its.pop_front();
        if (takes_long(first)) due_ = base::after(now, rest_);
        if (its.empty()) {
            drop(from);
        } else if (takes_long(its.front())) {  // others have their turn before
            order_.pop_front();
            order_.push_back(from);
        }
        return std::pair{from, std::move(first)};
    }
    void drop(const Key& from) {
        const auto found = waiting_.find(from);
        if (found == waiting_.end()) return;
        for (const auto& each : found->second) bytes_ -= each.bytes();
        waiting_.erase(found);
        std::erase(order_, from);
        MAUS_ASSERT(order_.size() == waiting_.size(), "what is put off has no order");
        MAUS_ASSERT(!waiting_.empty() || bytes_ == 0, "bytes are put off of no message");
    }
    template <class Predicate>
    void drop_if(Predicate is_one) {
        const auto order = order_;
        for (const auto& each : order) {
            if (is_one(each)) drop(each);
        }
    }

private:
    duration rest_;
    instant due_{};
    std::unordered_map<Key, std::deque<wire::message>, Hash> waiting_;
    std::deque<Key> order_;
    std::size_t bytes_ = 0;
};

}  // namespace maus::core
