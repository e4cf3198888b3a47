#include "maus/core/transfer_window.hpp"

#include <utility>

namespace maus::core {

void transfer_window::sent(std::size_t bytes, instant now) {
    const bool alone = in_flight() == 0;
    if (flights_.empty()) moved_ = now;
    asked_ = sent_ += bytes;
    flights_.push_back({sent_, now, alone && bytes <= piece_bytes_});
}

bool transfer_window::sent_whole(std::size_t bytes, instant now) {
    if (sent_ - asked_ + bytes < size_ / 2) {
        sent_ += bytes;
        return false;
    }
    sent(bytes, now);
    return true;
}

bool transfer_window::taken(std::uint64_t bytes, instant now) {
    if (bytes < taken_ || bytes > sent_) return false;
    const std::uint64_t came = bytes - std::exchange(taken_, bytes);
    if (came != 0) moved_ = now;
    flight last;
    for (; !flights_.empty() && flights_.front().end <= bytes; flights_.pop_front()) {
        last = flights_.front();
    }
    if (last.end != 0) learn(last, came, std::exchange(was_short_, false), now);
    return true;
}

void transfer_window::learn(const flight& last, std::uint64_t came, bool was_short, instant now) {
    const duration took = std::max(now - last.since, duration::zero());
    shortest_ = last.measures ? took : std::min(shortest_, took);
    const std::size_t size_max = 512 * piece_bytes_;
    if (took <= shortest_ + quick) {
        if (was_short) size_ = std::min(size_ + static_cast<std::size_t>(came), size_max);
    } else if (took > shortest_ + slow && last.end > shrunk_at_) {
        const auto passes = static_cast<double>((shortest_ + quick).count());
        const double share = passes / static_cast<double>(took.count());
        size_ =
            std::max(static_cast<std::size_t>(share * static_cast<double>(size_)), piece_bytes_);
        shrunk_at_ = sent_;
    }
}

}  // namespace maus::core
