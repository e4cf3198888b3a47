// The worker that counts words. `maus-demo wordcount` starts some; anybody may start more.

#include <unistd.h>

#include <maus/worker.hpp>

#include "bin/demo/commands.hpp"
#include "bin/demo/words.hpp"
#include "bin/support/log_lines.hpp"

namespace demo {

namespace {
std::string host_name() {
    char name[65] = {};
    return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}
}  // namespace

int word_worker(const worker_options& options, maus::programs::stop_signals& signals) {
    maus::worker worker{{.log = maus::programs::log_lines(maus::log_level::warning)}};
    worker.expose(count_words, [&worker, host = host_name()](const std::vector<piece>& pieces) {
        word_counts found;
        count(pieces, found);
        return share_of_work{
            worker.id(), host, getpid(), found.total, {found.times.begin(), found.times.end()}};
    });
    worker.register_parkserver(options.parkserver, options.type);
    const auto stopping = signals.on_stop([&] { worker.stop(); });
    worker.run();
    return 0;
}

}  // namespace demo
