#include "programs/program.hpp"

#include <fstream>
#include <iterator>

namespace programs {

namespace {

std::string path_of(const std::string& name) {
    return name.front() == '/' ? name : MAUS_BIN_DIR "/" + name;
}

// A shell that redirects both outputs and then becomes the program.
words redirected(const maus_test::scratch_folder& to, const std::string& name,
                 const words& arguments, const std::string& redirect) {
    words made{"-c",
               "out=$1 err=$2; shift 2; exec \"$@\" >\"$out\" 2>\"$err\" </dev/null " + redirect,
               "sh",
               to.file("out"),
               to.file("err"),
               path_of(name)};
    made.insert(made.end(), arguments.begin(), arguments.end());
    return made;
}

}  // namespace

// Not every other shell knows descriptors of two digits.
program::program(const std::string& name, const words& arguments, const std::string& redirect)
    : process_("/bin/bash", redirected(folder_, name, arguments, redirect)) {}

std::string program::text_of(const std::string& name) const {
    std::ifstream file(folder_.file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

bool program::says(const std::string& text) {
    return eventually([&] { return (out() + err()).find(text) != std::string::npos; });
}

outcome run(const std::string& name, const words& arguments, const std::string& redirect) {
    program one(name, arguments, redirect);
    const auto code = one.wait();
    return {code, one.out(), one.err()};
}

nlohmann::json run_json(const std::string& name, const words& arguments) {
    const outcome ended = run(name, arguments);
    INFO(typed(name, arguments) << "\n" << ended.out << ended.err);
    REQUIRE(ended.code == good);
    CHECK(ended.err.empty());
    return nlohmann::json::parse(ended.out);
}

parkserver::parkserver(const words& arguments, const std::string& redirect)
    : program_("maus-parkserver", arguments, redirect) {
    REQUIRE(program_.says(" ready at "));
    REQUIRE(eventually([&] { return program_.out().ends_with('\n'); }));
    const std::string line = program_.out();
    const auto at = line.find(" ready at ") + std::string(" ready at ").size();
    endpoint_ = line.substr(at, line.find_first_of(",\n", at) - at);
}

words parkserver::asked(words command) const {
    command.insert(command.end(), {"-p", endpoint_, "--timeout", "30000"});
    return command;
}

std::string typed(const std::string& name, const words& arguments) {
    std::string all = "$ " + name;
    for (const auto& each : arguments) all += " " + each;
    return all;
}

}  // namespace programs
