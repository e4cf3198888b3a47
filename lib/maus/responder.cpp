#include "maus/responder.hpp"

#include "maus/shell/exception_text.hpp"

namespace maus::detail {

void reply::fault(const std::exception_ptr& thrown) {
    auto [type, text] = shell::describe(thrown);
    fault(errc::remote_exception, std::move(type), std::move(text));
}

}  // namespace maus::detail
