#include "maus/function.hpp"

#include "maus/wire/function_reference.hpp"

namespace maus::detail {

void save_reference(wire::output_archive& out, const reference& saved) {
    wire::save_reference(out, {static_cast<wire::reference_kind>(saved.kind), saved.name,
                               saved.number, saved.script});
}

void load_reference(wire::input_archive& in, reference& loaded) {
    auto read = wire::load_reference(in);
    loaded.kind = static_cast<reference::kind_of>(read.kind);
    loaded.name = std::move(read.name);
    loaded.number = read.number;
    loaded.script = read.script;
}

}  // namespace maus::detail
