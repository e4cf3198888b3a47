#include "maus/base/shared_buffer.hpp"

#include <utility>

namespace maus::base {

namespace {
void release(void* owner) { delete static_cast<shared_buffer*>(owner); }
}  // namespace

buffer share(shared_buffer keeper, byte_view part) {
    return buffer::adopt(part, new shared_buffer(std::move(keeper)), release);
}

buffer share(buffer& original) {
    shared_buffer kept = keeper(original);
    return share(std::move(kept), original.view());
}

shared_buffer keeper(buffer& original) {
    // A buffer that is shared already is recognised by its release function.
    if (original.released_by(release)) return *static_cast<shared_buffer*>(original.owner());
    // Nothing may be lost if there is no memory: all of it is taken before anything moves.
    auto owner = std::make_unique<shared_buffer>();
    auto kept = std::make_shared<buffer>();
    *kept = std::move(original);
    *owner = kept;
    original = buffer::adopt(kept->view(), owner.release(), release);
    return kept;
}

}  // namespace maus::base
