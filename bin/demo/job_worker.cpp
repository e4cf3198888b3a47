// The worker of the jobs: it counts words and draws. `maus-demo wordcount` and `maus-demo picture`
// start some; anybody may start more.

#include <unistd.h>

#include <maus/worker.hpp>

#include "bin/demo/commands.hpp"
#include "bin/demo/picture.hpp"
#include "bin/demo/words.hpp"
#include "bin/support/log_lines.hpp"

namespace demo {

namespace {
std::string host_name() {
    char name[65] = {};
    return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}
}  // namespace

int job_worker(const worker_options& options, maus::programs::stop_signals& signals) {
    maus::worker worker{{.log = maus::programs::log_lines(maus::log_level::warning)}};
    const doer me{worker.id(), host_name(), getpid()};
    worker.expose(count_words, [me](const std::vector<piece>& pieces) {
        word_counts found;
        count(pieces, found);
        return share_of_work{me, found.total, {found.times.begin(), found.times.end()}};
    });
    worker.expose(draw_tile, [me](const tile& part) { return drawn_tile{me, draw(part)}; });
    for (const auto& each : options.parkservers) worker.register_parkserver(each, options.type);
    const auto stopping = signals.on_stop([&] { worker.stop(); });
    worker.run();
    return 0;
}

}  // namespace demo
