// What main.cpp makes of the arguments, and who carries it out.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bin/support/stop_signals.hpp"

namespace demo {

inline constexpr const char* default_parkserver = "tcp://127.0.0.1:8500";
/// How long a parkserver may take to answer before it is said that nobody is there.
inline constexpr std::chrono::seconds parkserver_patience{5};
/// Throws maus::error if no parkserver answers there in that time, or once a signal has come.
void ask_who_is_there(const std::string& parkserver, maus::programs::stop_signals& signals);

struct wordcount_options {
    std::vector<std::string> paths = {"/usr/include"};
    std::string parkserver = {};  ///< empty: one of its own
    std::string type = "words";
    std::uint32_t workers = 0;  ///< that it starts; 0: those that are there
    std::uint32_t kill = 0;
    std::uint32_t top = 10;
    std::uint64_t batch_bytes = 256u << 10;
    bool check = false;
    bool json = false;
};
[[nodiscard]] int wordcount(const wordcount_options& options,
                            maus::programs::stop_signals& signals);

struct worker_options {
    std::string parkserver = default_parkserver;
    std::string connect = {};  ///< a manager's endpoint, instead of a parkserver
    std::string type = "default";
};
/// The worker that counts words.
[[nodiscard]] int word_worker(const worker_options& options, maus::programs::stop_signals& signals);
/// The worker of example_worker.cpp.
[[nodiscard]] int example_worker(const worker_options& options,
                                 maus::programs::stop_signals& signals);

struct manager_options {
    std::string parkserver = {};
    std::string bind = {};
    std::string type = "default";
};
/// The manager of example_manager.cpp.
[[nodiscard]] int example_manager(const manager_options& options,
                                  maus::programs::stop_signals& signals);

}  // namespace demo
