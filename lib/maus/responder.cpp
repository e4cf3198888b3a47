#include "maus/responder.hpp"

#include "maus/shell/exception_text.hpp"

namespace maus::detail {

void reply::fault(const std::exception_ptr& thrown) {
    if (!thrown) return fault(errc::remote_exception, {}, "no exception was given");
    auto [type, text] = shell::describe(thrown);
    fault(errc::remote_exception, std::move(type), std::move(text));
}

}  // namespace maus::detail
