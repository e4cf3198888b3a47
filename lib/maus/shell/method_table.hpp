// The functions that a manager's program has called so far, and their numbers.
//
// The state machine speaks of a function by a small number, the program by its name and C++ type.
// Thread-safe.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "maus/base/id.hpp"
#include "maus/manager.hpp"

namespace maus::shell {

// A thread mostly calls what it has called last. Without a destructor: the program may call even
// while its thread's objects, or its static ones, are destroyed.
struct last_called {
    std::uint64_t table = 0;
    const void* type = nullptr;
    base::method_id number;
    std::uint32_t size = 0;
    std::array<char, 128> name{};  // as long as names are, by default

    [[nodiscard]] bool is_called(std::string_view wanted) const {
        return wanted == std::string_view(name.data(), size);
    }
    void remember(std::uint64_t its_table, const detail::method_key& key,
                  base::method_id its_number) {
        table = its_table;
        type = key.type;
        number = its_number;
        size = static_cast<std::uint32_t>(key.name.size());
        key.name.copy(name.data(), name.size());
    }
};
static_assert(std::is_trivially_destructible_v<last_called>);
inline thread_local constinit last_called last{};

class method_table {
    using entry = std::pair<std::string, const void*>;

public:
    /// In a key, before what a function needs besides (manager_runtime::number_with_needs).
    static constexpr char needs = '\n';

    /// Of what is no call, what else a group's future is of. Empty: no function has this number.
    [[nodiscard]] std::string name_of(base::method_id number);
    /// Calls `define(number, signature)` for a new function before anybody else can get its number.
    template <class Define>
    base::method_id number_of(const detail::method_key& key, Define define) {
        if (last.table == id_ && last.type == key.type && last.is_called(key.name)) {
            return last.number;
        }
        const base::method_id number = look_up(key, define);
        if (key.name.size() <= last.name.size()) last.remember(id_, key, number);
        return number;
    }

private:
    template <class Define>
    base::method_id look_up(const detail::method_key& key, Define define) {
        const entry wanted{std::string(key.name), key.type};
        {
            const std::shared_lock lock(guard_);
            const auto found = numbers_.find(wanted);
            if (found != numbers_.end()) return found->second;
        }
        const std::unique_lock lock(guard_);
        const auto found = numbers_.find(wanted);
        if (found != numbers_.end()) return found->second;
        const base::method_id number{static_cast<std::uint32_t>(numbers_.size())};
        define(number, key.signature(key.name));
        numbers_.emplace(wanted, number);
        return number;
    }

    struct hash {
        std::size_t operator()(const entry& key) const noexcept {
            return std::hash<std::string>{}(key.first) ^ std::hash<const void*>{}(key.second);
        }
    };
    static inline std::atomic<std::uint64_t> tables_made{0};
    const std::uint64_t id_ = ++tables_made;
    std::shared_mutex guard_;
    std::unordered_map<entry, base::method_id, hash> numbers_;
};

}  // namespace maus::shell
