// The writing half of convert.hpp.
#pragma once

#include <set>
#include <string>

#include "maus/value.hpp"
#include "maus/wire/archive.hpp"
#include "maus/wire/type_tree.hpp"

namespace maus::wire::detail {

/// Throws maus::error: bad_arguments tells where in the value what is none of the type, as
/// "[2].name: a string ("x") where i32 belongs". What was written by then stays.
class value_writer {
public:
    value_writer(const type_tree& types, base::buffer& out) : types_(types), out_(out) {}
    void write(const value& from) { write(types_.root(), from); }

private:
    [[nodiscard]] const type_node& part(const type_node& of, std::size_t index = 0) const {
        return types_[of.parts[index]];
    }
    void write(const type_node& type, const value& from);
    void integer(const type_node& type, const value& from);
    void real(const type_node& type, const value& from);
    void sequence(const type_node& type, const value& from);
    void set(const type_node& type, const value& from);
    void map(const type_node& type, const value& from);
    void fields(const type_node& type, const value& from);
    void optional(const type_node& type, const value& from);
    void variant(const type_node& type, const value& from);
    void time(const type_node& type, const value& from);
    void element(const type_node& type, const value& from, std::size_t index);
    void key(const type_node& type, const value& from, std::set<std::string>& seen);
    [[nodiscard]] const value::array& array_of(const type_node& type, const value& from);

    [[noreturn]] void fail(const std::string& reason) const;
    [[noreturn]] void fail_kind(const type_node& type, const value& from) const;
    [[noreturn]] void fail_range(const type_node& type, const value& from) const;

    /// A step down to a part, for as long as that is written.
    class step {
    public:
        step(value_writer& of, const std::string& name) : of_(of), before_(of.path_.size()) {
            of_.path_ += name;
        }
        step(const step&) = delete;
        step& operator=(const step&) = delete;
        ~step() { of_.path_.resize(before_); }

    private:
        value_writer& of_;
        std::size_t before_;
    };
    /// The same for a part that is an array or an object: it nests.
    class level {
    public:
        explicit level(value_writer& of) : of_(of) { of_.out_.enter(); }
        level(const level&) = delete;
        level& operator=(const level&) = delete;
        ~level() { of_.out_.leave(); }

    private:
        value_writer& of_;
    };

    const type_tree& types_;
    output_archive out_;
    std::string path_;
};

}  // namespace maus::wire::detail
