#include "maus/base/share.hpp"

#include <memory>

namespace maus::base {

namespace {
using shared_bytes = std::shared_ptr<buffer>;

void release(void* owner) { delete static_cast<shared_bytes*>(owner); }

buffer view_of(const shared_bytes& bytes) {
    return buffer::adopt(bytes->view(), new shared_bytes(bytes), release);
}
}  // namespace

buffer share(buffer& original) {
    // A buffer that is shared already is recognised by its release function.
    if (original.released_by(release)) {
        return view_of(*static_cast<shared_bytes*>(original.owner()));
    }
    const auto bytes = std::make_shared<buffer>(std::move(original));
    original = view_of(bytes);
    return view_of(bytes);
}

}  // namespace maus::base
