#include "bench/plot.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "bin/support/program.hpp"

namespace bench {

using maus::programs::failure;

void prepare_plots(const std::string& folder) {
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed) throw failure("cannot make the folder " + folder + ": " + failed.message());
}

namespace {
// The exit code of gnuplot; 127 if there is none.
int gnuplot(const std::string& script) {
    const pid_t pid = fork();
    if (pid == 0) {
        execlp("gnuplot", "gnuplot", script.c_str(), static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) < 0) return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
}  // namespace

std::string draw(const std::string& folder, const std::string& benchmark,
                 const std::vector<figure>& figures) {
    const std::string base = folder + "/" + benchmark;
    std::ofstream data(base + ".dat");
    std::size_t rows = 0;
    data << "# name ratio spread\n";
    for (const auto& each : figures) {
        // Of what is measured in calls, calls a second tell enough.
        const bool calls = each.metric == "p50_us" || each.metric == "p99_us" ||
                           each.metric == "p999_us" || each.metric == "peak_memory_bytes" ||
                           each.metric == "cpu_s_per_million_calls";
        if (calls || std::isnan(each.ratio)) continue;
        data << '"' << each.name << ' ' << each.metric << "\" " << each.ratio << ' ' << each.spread
             << '\n';
        ++rows;
    }
    std::ofstream script(base + ".gp");
    script << "set terminal svg size 1000," << 120 + 22 * rows << " background 'white'\n"
           << "set output '" << base << ".svg'\n"
           << "set title 'maus-bench " << benchmark << ": ours over the reference'\n"
           << "set xrange [0:*]\nset yrange [*:*] reverse\nset grid xtics\nunset key\n"
           << "set ytics noenhanced\nset arrow from 1, graph 0 to 1, graph 1 nohead dashtype 2\n"
           << "plot '" << base << ".dat' using 2:0:3:ytic(1) with xerrorbars pointtype 7\n";
    if (!data.flush() || !script.flush()) throw failure("cannot write " + base + ".gp");
    data.close();
    script.close();
    if (rows == 0) return "nothing to draw: no figure has a reference";
    switch (gnuplot(base + ".gp")) {
        case 0: return "drawn: " + base + ".svg";
        case 127:
            return "not drawn: gnuplot is not installed (bin/setup --all); run gnuplot " + base +
                   ".gp when it is";
        default: throw failure("gnuplot could not draw " + base + ".gp");
    }
}

}  // namespace bench
