#include <exception>
#include <iostream>
#include <stop_token>

#include <maus/status.hpp>

#include "bin/demo/commands.hpp"
#include "bin/support/text.hpp"

namespace demo {

bool somebody_is_there(const std::vector<std::string>& parkservers,
                       maus::programs::stop_signals& signals) {
    std::stop_source stop;
    const auto stopping = signals.on_stop([&] { stop.request_stop(); });
    std::exception_ptr nobody;
    for (const auto& each : parkservers) {
        try {
            (void)maus::fetch_status(each, parkserver_timeout, stop.get_token());
            return true;
        } catch (const maus::error&) {
            if (signals.asked()) return false;
            nobody = std::current_exception();
        }
    }
    if (nobody) std::rethrow_exception(nobody);
    return true;
}

void say_if_nobody_is_there(const std::vector<std::string>& parkservers,
                            maus::programs::stop_signals& signals) {
    try {
        (void)somebody_is_there(parkservers, signals);
    } catch (const maus::error& failed) {
        std::cerr << "maus-demo: " << maus::programs::shown_lines(failed.what())
                  << "\nmaus-demo: waiting for it\n";
    }
}

}  // namespace demo
