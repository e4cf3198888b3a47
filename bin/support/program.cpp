#include "bin/support/program.hpp"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <sstream>

#include <maus/base/endpoint.hpp>
#include <maus/limits.hpp>
#include <maus/version.hpp>
#include <maus/wire/message.hpp>

#include "bin/support/completion.hpp"
#include "bin/support/standard_descriptors.hpp"
#include "bin/support/terminal.hpp"
#include "bin/support/text.hpp"

namespace maus::programs {

namespace {

/// "--bind ENDPOINT   Where to be reached [tcp://127.0.0.1:8500]"
class formatter final : public CLI::Formatter {
public:
    formatter() { column_width(26); }
    std::string make_description(const CLI::App* app) const override {
        return CLI::Formatter::make_description(app) + '\n';
    }
    std::string make_option_opts(const CLI::Option* option) const override {
        if (option->get_type_size() == 0) return "";
        const std::string type = option->get_type_name();  // and, after a colon, what it checks
        return " " + type.substr(0, type.find(':'));
    }
    std::string make_option_desc(const CLI::Option* option) const override {
        const std::string preset = option->get_default_str();
        return option->get_description() + (preset.empty() ? "" : " [" + preset + "]");
    }
};

/// "maus-demo wordcount" if that is how far the arguments could be understood.
std::string command_of(const CLI::App& app) {
    std::string command = app.get_name();
    for (const CLI::App* chosen : app.get_subcommands()) command += " " + command_of(*chosen);
    return command;
}

CLI::Validator endpoint_validator(base::endpoint_use use) {
    CLI::Validator check(
        [use](const std::string& text) {
            const auto parsed = base::parse_endpoint(text, use);
            return parsed ? std::string{} : base::not_an_endpoint(text, parsed.why());
        },
        "");
    return check;
}

/// "say what to do: status or functions", after what was said instead, if anything was
std::string which_command(const CLI::App& app) {
    const auto unknown = app.remaining();
    std::string names;
    const auto all = app.get_subcommands([](const CLI::App*) { return true; });
    for (const CLI::App* each : all) {
        if (!names.empty()) names += each == all.back() ? " or " : ", ";
        names += each->get_name();
    }
    return (unknown.empty() ? "" : "'" + unknown.front() + "' is not known here; ") +
           "say what to do: " + names;
}

/// A write that failed (a full disk) must not pass for success. A reader that had enough (`| head`)
/// has ended us by SIGPIPE already, unless whoever started us ignores that; then we end quietly, too.
int finish_output(const CLI::App& app, int code) {
    std::cout.flush();
    if (std::cout) return code;
    if (!reader_went(STDOUT_FILENO)) {
        std::cerr << app.get_name() << ": cannot write the output; is the disk full?\n";
    }
    return code == exit_good ? exit_failed : code;
}

int print_completion(const CLI::App& app, const std::string& shell) {
    const auto script = completion_script(app, shell);
    if (!script) {
        std::cerr << app.get_name() << ": --completion is for bash, zsh or fish\n";
        return exit_usage;
    }
    std::cout << *script;
    return finish_output(app, exit_good);
}

int run_body(const CLI::App& app, const std::function<int()>& body) {
    try {
        return body();
    } catch (const bad_usage& wrong) {
        std::cerr << command_of(app) << ": " << shown_lines(wrong.what())
                  << "\ntry: " << command_of(app) << " --help\n";
        return exit_usage;
    } catch (const std::bad_alloc&) {
        std::cerr << command_of(app) << ": out of memory\n";
    } catch (const std::exception& failed) {
        std::cerr << command_of(app) << ": " << shown_lines(failed.what()) << '\n';
    }
    return exit_failed;
}

}  // namespace

void prepare(CLI::App& app, const std::string& examples) {
    app.formatter(std::make_shared<formatter>());
    app.set_help_flag("-h,--help", "Show this text");
    if (app.get_parent() == nullptr) {
        app.set_version_flag("--version", app.get_name() + " " + maus::version, "Show the version");
        // For --help; run() looks for it before anything else is asked for.
        app.add_option("--completion", "Print a script for bash, zsh or fish that completes this")
            ->type_name("SHELL");
    }
    app.footer("Examples:\n" + examples);
}

int run(CLI::App& app, int argc, char** argv, const std::function<int()>& body) {
    reserve_standard_descriptors();
    if (argc == 3 && std::string_view(argv[1]) == "--completion") {
        return print_completion(app, argv[2]);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& stopped) {
        if (stopped.get_exit_code() == 0) {  // --help, --version
            app.exit(stopped);
            return finish_output(app, exit_good);
        }
        const std::string command = command_of(app);
        const bool no_command =
            command == app.get_name() && app.get_require_subcommand_min() > 0 &&
            stopped.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError);
        std::cerr << command << ": "
                  << (no_command ? which_command(app) : shown_lines(stopped.what()))
                  << "\ntry: " << command << " --help\n";
        return exit_usage;
    }
    if (const auto* asked = app.get_option_no_throw("--completion"); asked && asked->count() != 0) {
        return print_completion(app, asked->as<std::string>());  // --completion=SHELL
    }
    return finish_output(app, run_body(app, body));
}

CLI::Validator is_within(double least, double most) {
    return {[least, most](const std::string& text) {
                double number = 0;
                const bool good =
                    CLI::detail::lexical_cast(text, number) && number >= least && number <= most;
                std::ostringstream why;
                if (!good) why << "'" << text << "' is no number from " << least << " to " << most;
                return why.str();
            },
            ""};
}

CLI::Validator is_endpoint() { return endpoint_validator(base::endpoint_use::connect); }
CLI::Validator is_bindable() { return endpoint_validator(base::endpoint_use::bind); }
CLI::Validator is_type() {
    return {[](const std::string& text) {
                return wire::good_name(text, limits{}.name_bytes_max)
                           ? std::string{}
                           : "a type has 1 to " + std::to_string(limits{}.name_bytes_max) +
                                 " bytes, and no control characters";
            },
            ""};
}

}  // namespace maus::programs
