#include "bin/maus/function.hpp"

#include <algorithm>
#include <map>

#include <maus/convert.hpp>
#include <maus/json.hpp>
#include <maus/wire/message.hpp>
#include <maus/wire/signature.hpp>

#include "bin/support/program.hpp"

namespace maus::cli {

namespace {

std::string shown_text(const std::string& text) { return wire::printable(text, 200); }

std::string_view name_in(std::string_view signature) {
    return signature.substr(0, signature.find('('));
}

/// "none"; or "add, echo and 3 more"
std::string names_there(const parkserver_status& now, const std::string& type) {
    constexpr std::size_t names_max = 8;
    std::vector<std::string> names;
    for (const auto& worker : now.workers) {
        if (!type.empty() && worker.type != type) continue;
        for (const auto& each : worker.functions) names.emplace_back(name_in(each));
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    if (names.empty()) return "none";
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), names_max); ++i) {
        text += (i == 0 ? "" : ", ") + shown_text(names[i]);
    }
    if (names.size() > names_max)
        text += " and " + std::to_string(names.size() - names_max) + " more";
    return text;
}

}  // namespace

std::vector<function_choice> find_function(const parkserver_status& now, const std::string& name,
                                           const std::string& type) {
    std::map<std::pair<std::string, std::string>, std::size_t> counts;
    for (const auto& worker : now.workers) {
        if (!type.empty() && worker.type != type) continue;
        for (const auto& each : worker.functions) {
            if (name_in(each) != name) continue;
            ++counts[{each, worker.type}];
        }
    }
    if (counts.empty()) {
        throw programs::failure("no worker" + (type.empty() ? "" : " of type " + shown_text(type)) +
                                " exposes " + shown_text(name) +
                                "; exposed are: " + names_there(now, type));
    }
    std::vector<std::pair<std::size_t, function_choice>> found;
    for (const auto& [key, count] : counts) {
        found.push_back({count, {key.first, key.second}});
    }
    std::stable_sort(found.begin(), found.end(),
                     [](const auto& one, const auto& other) { return one.first > other.first; });
    std::vector<function_choice> made;
    for (auto& each : found) made.push_back(std::move(each.second));
    return made;
}

namespace {
/// Only a program has functions that it could pass.
std::string takes_functions(const std::string& signature) {
    return shown_text(signature) +
           ": it takes a function, and JSON has none; call it from a program (maus/function.hpp)";
}
}  // namespace

const function_choice& choose(const std::vector<function_choice>& among, const arguments& given) {
    std::string why;
    for (const auto& each : among) {
        if (wire::takes_references(each.signature)) {
            why += (why.empty() ? "" : "\n") + takes_functions(each.signature);
            continue;
        }
        const auto wrong = why_not_arguments(each.signature, given);
        if (!wrong) return each;
        if (!why.empty()) why += "\n";
        // What follows the mistake is about how the call is made, which is ours.
        why += shown_text(each.signature) + ": " +
               wire::printable(wrong->substr(0, wrong->find("; called as ")), 400);
    }
    throw programs::bad_usage(why);
}

const function_choice& choose_for_map(const std::vector<function_choice>& among) {
    std::string why;
    for (const auto& each : among) {
        const bool takes = wire::takes_references(each.signature);
        if (!takes && !wire::is_stream(each.signature)) return each;
        if (!why.empty()) why += "\n";
        why += takes ? takes_functions(each.signature)
                     : shown_text(each.signature) +
                           ": it gives a stream, and map writes one result for a line; use "
                           "`maus call`, which writes each item on a line";
    }
    throw programs::bad_usage(why);
}

std::size_t parameters_of(const std::string& signature) {
    const auto parsed = wire::parse_signature(signature);
    if (!parsed) throw programs::failure("no signature: " + shown_text(signature));
    return parsed.value().is_dynamic() ? dynamic : parsed.value().parameters.size();
}

namespace {
bool is_json(const std::string& text) {
    try {
        (void)from_json(text);
        return true;
    } catch (const error&) {
        return false;
    }
}

/// What to write instead of a word that is no JSON.
std::string advice(const std::string& word) {
    const bool has_sign = word.starts_with('-') || word.starts_with('+');
    const std::string sign = word.starts_with('-') ? "-" : "";
    std::string rest = word.substr(has_sign ? 1 : 0);
    if (rest.find_first_of("0123456789") != rest.npos) {  // .5, 5., +5
        if (rest.starts_with('.')) rest.insert(0, 1, '0');
        if (rest.ends_with('.')) rest.push_back('0');
        if (is_json(sign + rest)) return "write " + sign + rest;
    }
    std::transform(rest.begin(), rest.end(), rest.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (rest == "inf" || rest == "infinity") return "write '{\"$f64\": \"" + sign + "Infinity\"}'";
    if (rest == "nan") return "write '{\"$f64\": \"NaN\"}'";
    return std::string(word.starts_with('-') ? "it is no option either; " : "") +
           "arguments are JSON, and text needs its own quotes: '\"text\"'";
}
}  // namespace

arguments arguments_of(const std::vector<std::string>& words) {
    arguments made;
    for (std::string word : words) {
        if (word.starts_with(" -")) word.erase(0, 1);  // main.cpp
        try {
            made.push_back(from_json(word));
        } catch (const error& why) {
            throw programs::bad_usage("argument " + std::to_string(made.size() + 1) + ", " +
                                      shown_text(word) + ": " + why.what() + "; " + advice(word));
        }
    }
    return made;
}

}  // namespace maus::cli
