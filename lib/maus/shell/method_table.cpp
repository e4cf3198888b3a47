#include "maus/shell/method_table.hpp"

namespace maus::shell {

std::string method_table::name_of(base::method_id number) {
    const std::shared_lock lock(guard_);
    for (const auto& [key, its] : numbers_) {
        if (its == number) return key.first.substr(0, key.first.find(needs));
    }
    return number.value == detail::command::no_call ? "ready()" : "";  // worker_group::ready
}

}  // namespace maus::shell
