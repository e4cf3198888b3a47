#include "maus/this_call.hpp"

#include "maus/shell/running_call.hpp"

namespace maus {

fence this_call::fence() { return shell::fence_of_current_call(); }

}  // namespace maus
