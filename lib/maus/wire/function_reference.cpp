#include "maus/wire/function_reference.hpp"

#include "maus/wire/signature.hpp"

namespace maus::wire {

void save_reference(output_archive& out, const function_reference& saved) {
    out.put(static_cast<std::uint8_t>(saved.kind));
    switch (saved.kind) {
        case reference_kind::named: return codec<std::string>::save(out, saved.name);
        case reference_kind::callable: return out.put(saved.number);
        case reference_kind::script: return codec<base::script_id>::save(out, saved.script);
    }
}

function_reference load_reference(input_archive& in) {
    function_reference read;
    std::uint8_t kind = 0;
    codec<std::uint8_t>::load(in, kind);
    read.kind = static_cast<reference_kind>(kind);
    switch (read.kind) {
        case reference_kind::named:
            codec<std::string>::load(in, read.name);
            if (!good_function_name(read.name)) in.fail("a function's name is not a good name");
            return read;
        case reference_kind::callable: codec<std::uint32_t>::load(in, read.number); return read;
        case reference_kind::script: codec<base::script_id>::load(in, read.script); return read;
    }
    in.fail("a function of an unknown kind");
}

}  // namespace maus::wire
