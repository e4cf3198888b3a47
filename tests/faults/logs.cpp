#include "logs.hpp"

#include <algorithm>
#include <fstream>
#include <regex>

#include "maus/wire/message.hpp"

namespace faults {

namespace {

/// As a role writes it ("1234.5 info ...", see log_lines), or the parkserver (with a date).
const std::regex& a_line() {
    static const std::regex form(
        R"((?:[0-9.e+]+|[0-9-]+ [0-9:.]+) (debug|info|warning|error) +(.+))");
    return form;
}

/// That somebody is lost, as each machine tells it, and why.
const std::regex& a_loss() {
    static const std::regex form(R"((?:(worker) [0-9a-f]+|parkserver \S+ is) lost: (.+))");
    return form;
}

/// That somebody cannot be reached, and why.
const std::regex& a_failed_try() {
    static const std::regex form(R"(cannot (?:register with parkserver \S+|reach (?:the manager|)"
                                 R"(manager [0-9a-f]+) (?:at \S+|through the relay)): (.+))");
    return form;
}

/// Everything that kills, stops, cuts off or resets can have these reasons, and no others.
bool is_a_faults_doing(const std::string& why) {
    static const char* const reasons[] = {
        "its connection closed",                         // a peer was killed, or cut off
        "the connection closed",                         //
        "nothing was heard from it in time",             // stopped, or cut off
        "its parkserver heard nothing from it in time",  // so its relayed lease ended
        "its worker registered anew",                    //
        "it came again on another link",                 //
        "the parkserver that relayed is lost",           //
        "an attempt took too long",                      // a function hangs
        "the worker stops",                              // it takes leave
        "goodbye: the worker stops",                     // over a relay
        "its worker is free again",                      //
        "there is no such lease (any more)",             //
        "the parkserver stops",                          //
        "connection refused",                            // nobody is there yet, or any more
        "no such file or directory",                     //
        "connection reset by peer",                      //
        "it takes connections and closes them",          //
        "it takes connections and says nothing",         //
        "no answer",                                     // stopped, or cut off
        "no answer to hello",                            //
        "no connection in time",                         //
        "it takes nothing of a large call",              //
        "the manager takes nothing of a large result",   //
        "timed out",                                     //
    };
    for (const char* each : reasons) {
        if (why == each) return true;
    }
    return false;
}

}  // namespace

log_book::log_book(const std::string& path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) read(line);
}

bool log_book::has(const std::string& part) const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [&](const auto& each) { return each.find(part) != each.npos; });
}

void log_book::read(const std::string& line) {
    lines_.push_back(line);
    std::smatch parts;
    if (maus::wire::printable(line, line.size()) != line ||
        !std::regex_match(line, parts, a_line())) {
        odd_.push_back(maus::wire::printable(line, 300));
        return;
    }
    const std::string level = parts[1], text = parts[2];
    if (text.ends_with(':') || text.ends_with(": ")) odd_.push_back(line);
    if (level != "warning" && level != "error") return;
    std::smatch loss;
    const bool lost = std::regex_match(text, loss, a_loss());
    if (lost) ++losses_;
    if (lost && loss[1].matched) ++workers_lost_;
    std::smatch failed;
    const bool explained =
        lost ? is_a_faults_doing(loss[2])
             : std::regex_match(text, failed, a_failed_try()) && is_a_faults_doing(failed[1]);
    if (!explained) complaints_.push_back(text);
}

}  // namespace faults
