#include "bin/support/completion.hpp"

#include <algorithm>
#include <vector>

namespace maus::programs {

namespace {

struct flag {
    std::vector<std::string> names;  // with their dashes
    std::string description;
    bool takes_value = false;
};
struct subcommand {
    std::string name;  // empty: the program itself
    std::string description;
    std::vector<flag> flags;
};

std::vector<flag> flags_of(const CLI::App& app) {
    std::vector<flag> made;
    for (const CLI::Option* option : app.get_options()) {
        flag one;
        for (const auto& name : option->get_snames()) one.names.push_back("-" + name);
        for (const auto& name : option->get_lnames()) one.names.push_back("--" + name);
        const bool is_hidden = option->get_group().empty();
        if (one.names.empty() || is_hidden) continue;  // the former are told by their place
        one.description = option->get_description();
        // The size of its type tells nothing: CLI11 2.1 gives a flag one of 1.
        one.takes_value = option->get_items_expected_max() != 0;
        made.push_back(std::move(one));
    }
    return made;
}

std::vector<subcommand> commands_of(const CLI::App& app) {
    std::vector<subcommand> made{{"", app.get_description(), flags_of(app)}};
    for (const CLI::App* each : app.get_subcommands([](const CLI::App*) { return true; })) {
        made.push_back({each->get_name(), each->get_description(), flags_of(*each)});
    }
    return made;
}

/// For a shell, within '...'.
std::string quoted(const std::string& text) {
    std::string made = "'";
    for (const char c : text) made += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return made + "'";
}

std::string joined(const std::vector<std::string>& words) {
    std::string made;
    for (const auto& each : words) made += (made.empty() ? "" : " ") + each;
    return made;
}

std::vector<std::string> names_of(const subcommand& of) {
    std::vector<std::string> made;
    for (const auto& each : of.flags) made.insert(made.end(), each.names.begin(), each.names.end());
    return made;
}
/// Those after which a value comes.
std::vector<std::string> names_with_value(const subcommand& of) {
    std::vector<std::string> made;
    for (const auto& each : of.flags) {
        if (each.takes_value) made.insert(made.end(), each.names.begin(), each.names.end());
    }
    return made;
}

std::string identifier(std::string name) {
    std::replace(name.begin(), name.end(), '-', '_');
    return "_" + name;
}

// Where a value belongs it offers nothing, and bash, by `-o default`, files.
std::string for_bash(const std::string& program, const std::vector<subcommand>& commands) {
    std::vector<std::string> first = names_of(commands.front());
    std::string cases;
    for (std::size_t i = 1; i < commands.size(); ++i) {
        first.push_back(commands[i].name);
        cases += "        " + commands[i].name +
                 ") words=" + quoted(joined(names_of(commands[i]))) +
                 " valued=" + quoted(joined(names_with_value(commands[i]))) + " ;;\n";
    }
    const std::string name = identifier(program);
    return name + "() {\n    local words=" + quoted(joined(first)) +
           " valued=" + quoted(joined(names_with_value(commands.front()))) +
           "\n    case \"${COMP_WORDS[1]}\" in\n        \"${COMP_WORDS[COMP_CWORD]}\") ;;\n" +
           cases +
           "    esac\n"
           "    [[ \" $valued \" == *\" ${COMP_WORDS[COMP_CWORD-1]} \"* ]] && words=\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- "
           "\"${COMP_WORDS[COMP_CWORD]}\"))\n}\n"
           "complete -o default -F " +
           name + " " + program + "\n";
}

/// "--json[As JSON]"
std::string zsh_flags(const subcommand& of) {
    std::string made;
    for (const auto& each : of.flags) {
        std::string text = each.description;
        text.erase(std::remove_if(text.begin(), text.end(),
                                  [](char c) { return c == '[' || c == ']' || c == ':'; }),
                   text.end());
        for (const auto& name : each.names) {
            made += " " + quoted(name + "[" + text + "]" + (each.takes_value ? ":value:" : ""));
        }
    }
    return made;
}

std::string for_zsh(const std::string& program, const std::vector<subcommand>& commands) {
    const std::string name = identifier(program);
    // It may be found in fpath, and is the function then; or be read by `source`.
    const std::string ending = "if [ \"$funcstack[1]\" = " + quoted(name) + " ]; then\n    " +
                               name + " \"$@\"\nelse\n    compdef " + name + " " + program +
                               "\nfi\n";
    if (commands.size() == 1) {
        return "#compdef " + program + "\n" + name + "() {\n    _arguments" +
               zsh_flags(commands.front()) + " '*:file:_files'\n}\n" + ending;
    }
    std::string names, cases;
    for (std::size_t i = 1; i < commands.size(); ++i) {
        std::string text = commands[i].description;
        std::replace(text.begin(), text.end(), ':', ' ');
        names += " " + quoted(commands[i].name + ":" + text);
        cases += "        " + commands[i].name + ") _arguments" + zsh_flags(commands[i]) +
                 " '*:file:_files' ;;\n";
    }
    return "#compdef " + program + "\n" + name + "() {\n    local -a commands=(" + names +
           ")\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        "
           "_arguments" +
           zsh_flags(commands.front()) + "\n        return\n    fi\n    case \"$words[2]\" in\n" +
           cases + "    esac\n}\n" + ending;
}

/// `when` is a condition; empty: always.
std::string fish_flags(const std::string& program, const std::string& when, const subcommand& of) {
    std::string made;
    for (const auto& each : of.flags) {
        made += "complete -c " + program + (when.empty() ? "" : " -n " + quoted(when));
        for (const auto& name : each.names) {
            made += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
        }
        made += (each.takes_value ? " -r" : "");
        made += " -d " + quoted(each.description) + "\n";
    }
    return made;
}

std::string for_fish(const std::string& program, const std::vector<subcommand>& commands) {
    if (commands.size() == 1) return fish_flags(program, "", commands.front());
    std::string made = fish_flags(program, "__fish_use_subcommand", commands.front());
    for (std::size_t i = 1; i < commands.size(); ++i) {
        made += "complete -c " + program + " -n __fish_use_subcommand -a " + commands[i].name +
                " -d " + quoted(commands[i].description) + "\n";
        made += fish_flags(program, "__fish_seen_subcommand_from " + commands[i].name, commands[i]);
    }
    return made;
}

}  // namespace

std::optional<std::string> completion_script(const CLI::App& app, const std::string& shell) {
    const std::string program = app.get_name();
    const auto commands = commands_of(app);
    if (shell == "bash") return for_bash(program, commands);
    if (shell == "zsh") return for_zsh(program, commands);
    if (shell == "fish") return for_fish(program, commands);
    return std::nullopt;
}

}  // namespace maus::programs
