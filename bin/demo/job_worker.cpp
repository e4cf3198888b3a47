// The worker of the jobs: it counts words, draws, finds primes and integrates. The jobs
// start some; anybody may start more.

#include <unistd.h>

#include <maus/worker.hpp>

#include "bin/demo/commands.hpp"
#include "bin/demo/integral.hpp"
#include "bin/demo/picture.hpp"
#include "bin/demo/primes.hpp"
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
    worker.expose(find_primes, [me](number_range range) -> maus::generator<found_primes> {
        for (auto& some : primes_in(range)) {
            found_primes next{me, std::move(some)};  // g++ 12 destroys T{...} in a co_yield twice
            co_yield next;
        }
    });
    worker.expose(integrate_stretch, [me](const stretch& part, const curve_function& curve) {
        // All are asked for before the first is waited for.
        std::vector<maus::future<double>> asked;
        for (const double x : places_in(part)) asked.push_back(curve.async(x));
        std::vector<double> values;
        for (auto& each : asked) values.push_back(each.get());
        return area{me, area_under(part, values)};
    });
    for (const auto& each : curves()) worker.expose(each.name, each.at);
    for (const auto& each : options.parkservers) worker.register_parkserver(each, options.type);
    const auto stopping = signals.on_stop([&] { worker.stop(); });
    worker.run();
    return 0;
}

}  // namespace demo
