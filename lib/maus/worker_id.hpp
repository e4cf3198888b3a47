// Which worker: for calls that are for one of them (call_options::worker), and for what comes back.
//
//     for (const maus::worker_id& each : workers.workers()) {
//         workers.with({.worker = each}).call(reload);
//     }
//
// It is what event::name and attempt_record::worker say in 32 hexadecimal digits. A worker that is
// started again is another one.
//
// Thread-safety: plain values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace maus {

class worker_id {
public:
    /// None.
    constexpr worker_id() = default;
    constexpr explicit worker_id(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}
    /// 32 hexadecimal digits. Throws maus::error (invalid_argument) if it is not. Not explicit: it
    /// stands for a text among options.
    worker_id(std::string_view text);
    worker_id(const char* text) : worker_id(std::string_view(text)) {}
    worker_id(const std::string& text) : worker_id(std::string_view(text)) {}

    [[nodiscard]] constexpr bool empty() const noexcept { return bytes_ == decltype(bytes_){}; }
    /// 32 hexadecimal digits.
    [[nodiscard]] std::string text() const;
    [[nodiscard]] constexpr const std::array<std::uint8_t, 16>& bytes() const noexcept {
        return bytes_;
    }
    friend constexpr auto operator<=>(const worker_id&, const worker_id&) = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
};

[[nodiscard]] inline std::string to_string(const worker_id& id) { return id.text(); }

}  // namespace maus

template <>
struct std::hash<maus::worker_id> {
    std::size_t operator()(const maus::worker_id& id) const noexcept {
        std::uint64_t made = 0;  // they are random
        for (std::size_t i = 0; i < sizeof made; ++i) made = made << 8 | id.bytes()[i];
        return static_cast<std::size_t>(made);
    }
};
