#include "maus/core/credit.hpp"

#include <algorithm>

namespace maus::core {

credit_window::credit_window(std::size_t concurrency, std::size_t ahead_max)
    : concurrency_(concurrency), ahead_max_(ahead_max) {
    size_ = concurrency_ + 1;
}

void credit_window::round_trip(duration measured) {
    round_trip_ = way_ = std::clamp<duration>(measured, {}, way_max);
}

void credit_window::estimate(bool ran_dry, instant now) {
    const duration taken = now - since_;
    if (answered_ == 0 || taken <= duration::zero()) return;
    if (ran_dry) {
        way_ += (std::clamp<duration>(taken, round_trip_, way_max) - way_) / 2;
        size_ = std::min(size_ + answered_, concurrency_ + ahead_max_);
    } else {
        way_ -= (way_ - round_trip_) / 8;
        const double sample = static_cast<double>(taken.count()) / static_cast<double>(answered_);
        service_ns_ = service_ns_ == 0 ? sample : service_ns_ + (sample - service_ns_) / 4;
        constexpr duration horizon_min = std::chrono::milliseconds{2};
        const duration horizon = std::max(horizon_min, way_ * 2);
        const double fitting = static_cast<double>(horizon.count()) / std::max(service_ns_, 1.0);
        const auto ahead =
            static_cast<std::size_t>(std::clamp(fitting, 1.0, static_cast<double>(ahead_max_)));
        size_ = std::min(size_ + answered_, concurrency_ + ahead);
    }
    answered_ = 0;
    since_ = now;
}

}  // namespace maus::core
