#include "broker/daemon/daemon.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <iostream>

#include "bin/support/log_lines.hpp"
#include "bin/support/terminal.hpp"

namespace maus::programs {

void add_log_options(CLI::App& app, log_choices& chosen) {
    app.add_option("--log-level", chosen.least,
                   "What to tell on stderr: debug, info, warning, error, off")
        ->type_name("LEVEL")
        ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}).description(""))
        ->capture_default_str();
    app.add_option("--log-format", chosen.format,
                   "text, or json: an object a line, with time, level and text")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"text", "json"}).description(""))
        ->capture_default_str();
}

namespace {
log_level level_of(const std::string& name) {
    for (const auto each :
         {log_level::debug, log_level::info, log_level::warning, log_level::error}) {
        if (name == to_string(each)) return each;
    }
    return log_level::off;
}
}  // namespace

log_function log_of(const log_choices& chosen) {
    return log_lines(level_of(chosen.least),
                     chosen.format == "json" ? log_format::json : log_format::text);
}

void raise_descriptor_limit(const log_function& log, const std::string& what_for) {
    constexpr rlim_t few = 4096;
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    if (files.rlim_cur < files.rlim_max) {
        const rlim_t before = files.rlim_cur;
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) files.rlim_cur = before;
    }
    if (files.rlim_cur < few) {
        log(log_level::warning, "only " + std::to_string(files.rlim_cur) +
                                    " files may be open, about " + what_for +
                                    "; raise it with `ulimit -n` or LimitNOFILE=");
    }
}

bool say_ready(const std::string& lines) {
    std::cout << lines << std::endl;
    if (!std::cout && reader_went(STDOUT_FILENO)) std::cout.clear();
    return std::cout.good();
}

}  // namespace maus::programs
