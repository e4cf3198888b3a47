// maus call: one call, with JSON for its arguments and its result.
#include <unistd.h>

#include <iostream>

#include <maus/json.hpp>
#include <maus/manager.hpp>
#include <maus/status.hpp>
#include <maus/stream.hpp>
#include <maus/wire/message.hpp>
#include <maus/wire/signature.hpp>

#include "bin/maus/calling.hpp"
#include "bin/maus/function.hpp"
#include "bin/support/program.hpp"
#include "bin/support/stop_signals.hpp"
#include "bin/support/terminal.hpp"

namespace maus::cli {

namespace {

/// Text is shown as it is to programs, and printable to people; nothing is shown of nothing.
void print_result(const value& result, bool as_json) {
    if (as_json) {
        std::cout << to_json(result, -1, true) << '\n';
    } else if (result.is(value_kind::string)) {
        const std::string& text = result.as_string();
        const bool to_people = programs::is_terminal(STDOUT_FILENO);
        std::cout << (to_people ? wire::printable(text, text.size() + 1) : text) << '\n';
    } else if (!result.is_null()) {
        std::cout << to_json(result, 2, true) << '\n';
    }
}

}  // namespace

int call(const call_choices& chosen) {
    programs::stop_signals signals;
    const arguments given = arguments_of(chosen.words);
    const auto now = fetch_status(chosen.parkserver, chosen.answer_within);
    const auto found = find_function(now, chosen.function, chosen.type);
    const function_choice& to = choose(found, given);

    manager caller;
    const auto stopping = signals.on_stop([&caller] { caller.stop(); });
    caller.connect_parkserver(chosen.parkserver);
    const auto workers = caller.get_workers({.amount = 1, .type = to.type});
    try {
        const auto with_time = workers.with({.timeout = chosen.timeout});
        if (wire::is_stream(to.signature)) {  // an item, a line
            for (const value& item : with_time.call<stream<value>>(chosen.function, given)) {
                print_result(item, true);
                std::cout.flush();
            }
            return programs::exit_good;
        }
        auto result = with_time.call<value>(chosen.function, given);
        print_result(result.get(), chosen.json);
        return programs::exit_good;
    } catch (const error& failed) {
        if (!signals.asked()) throw;
        return programs::exit_failed;  // who interrupts it knows why
    }
}

}  // namespace maus::cli
