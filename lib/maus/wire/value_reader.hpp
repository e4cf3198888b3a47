// The reading half of convert.hpp.
#pragma once

#include "maus/value.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/type_tree.hpp"

namespace maus::wire::detail {

/// Throws as every load does; input_archive::failed() tells why.
class value_reader {
public:
    value_reader(const type_tree& types, input_archive& in) : types_(types), in_(in) {}
    [[nodiscard]] value read() { return read(types_.root()); }

private:
    [[nodiscard]] const type_node& part(const type_node& of, std::size_t index = 0) const {
        return types_[of.parts[index]];
    }
    [[nodiscard]] value read(const type_node& type);
    [[nodiscard]] value integer(const type_node& type);
    [[nodiscard]] value real(const type_node& type);
    [[nodiscard]] value bytes(std::size_t count);
    [[nodiscard]] value list(const type_node& type);
    [[nodiscard]] value array(const type_node& type);
    [[nodiscard]] value set(const type_node& type);
    [[nodiscard]] value map(const type_node& type);
    [[nodiscard]] value object(const type_node& held, std::size_t count);
    [[nodiscard]] value fields(const type_node& type);
    [[nodiscard]] value optional(const type_node& type);
    [[nodiscard]] value variant(const type_node& type);
    [[nodiscard]] value time(const type_node& type);
    [[nodiscard]] value element(const type_node& type);
    [[nodiscard]] value::array elements(const type_node& type, std::size_t count);
    [[nodiscard]] value key(const type_node& type, std::vector<base::byte_view>& seen);
    void check_distinct(std::vector<base::byte_view>& keys);

    const type_tree& types_;
    input_archive& in_;
};

/// Whether it is one, or holds one: then it is not equal to itself, and no key.
[[nodiscard]] bool has_nan(const value& key);

}  // namespace maus::wire::detail
