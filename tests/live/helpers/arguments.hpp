// The helpers' command lines: `--name value`, any number of times.
#pragma once

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <maus/options.hpp>
#include <string>
#include <utility>
#include <vector>

namespace helper {

class arguments {
public:
    arguments(int argc, char** argv) {
        for (int i = 1; i + 1 < argc; i += 2) all_.emplace_back(argv[i], argv[i + 1]);
    }
    [[nodiscard]] std::vector<std::string> list(const std::string& name) const {
        std::vector<std::string> found;
        for (const auto& [key, value] : all_) {
            if (key == name) found.push_back(value);
        }
        return found;
    }
    [[nodiscard]] std::string text(const std::string& name, std::string otherwise = {}) const {
        const auto found = list(name);
        return found.empty() ? std::move(otherwise) : found.back();
    }
    [[nodiscard]] std::uint32_t number(const std::string& name, std::uint32_t otherwise) const {
        const auto found = text(name);
        return found.empty() ? otherwise : static_cast<std::uint32_t>(std::stoul(found));
    }
    [[nodiscard]] maus::heartbeat_options heartbeat() const {
        return {std::chrono::milliseconds{number("--interval-ms", 1000)}, number("--liveness", 3)};
    }

private:
    std::vector<std::pair<std::string, std::string>> all_;
};

/// Logs to stderr if the environment asks for it: to see what a failing test's processes say.
inline maus::log_function log_as(const std::string& who) {
    if (std::getenv("MAUS_TEST_LOG") == nullptr) return {};
    return [who](maus::log_level level, std::string_view text) {
        std::cerr << who + ' ' + std::string(to_string(level)) + ' ' + std::string(text) + '\n';
    };
}

}  // namespace helper
