#include "rows.hpp"

namespace faults {

const std::vector<row>& rows() {
    static const std::vector<row> all = [] {
        std::vector<row> made;
        for (const auto& some :
             {rows_of_losses(), rows_of_networks(), rows_of_peers(), rows_of_workers(),
              rows_of_attacks(), rows_of_floods(), rows_of_storms(), rows_of_clocks()}) {
            made.insert(made.end(), some.begin(), some.end());
        }
        return made;
    }();
    return all;
}

}  // namespace faults
