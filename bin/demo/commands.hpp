// What main.cpp makes of the arguments, and who carries it out.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "bin/support/stop_signals.hpp"

namespace demo {

inline constexpr const char* default_parkserver = "tcp://127.0.0.1:8500";
inline constexpr const char* default_job_type = "jobs";

/// How long a parkserver may take to answer before it is said that nobody is there.
inline constexpr std::chrono::seconds parkserver_timeout{5};
/// True: one of these parkservers answers; all are asked at once. False: a signal has come. Throws
/// maus::error if none answers in that time; it says of each why.
[[nodiscard]] bool somebody_is_there(const std::vector<std::string>& parkservers,
                                     maus::programs::stop_signals& signals);
/// Workers and managers wait for their parkserver as long as it takes, but say so.
void say_if_nobody_is_there(const std::vector<std::string>& parkservers,
                            maus::programs::stop_signals& signals);

/// What the jobs that are spread over workers have in common.
struct job_options {
    std::string command;                        ///< "wordcount"
    std::vector<std::string> parkservers = {};  ///< none: one of its own
    std::string type = default_job_type;
    std::uint32_t workers = 0;  ///< that it starts; 0: those that are there
    std::uint32_t kill = 0;
    bool check = false;  ///< once more in one process, and compare
    bool json = false;
};

struct wordcount_options : job_options {
    std::vector<std::string> paths = {"/usr/include"};
    std::uint32_t top = 10;
    std::uint64_t batch_bytes = 256u << 10;
};
[[nodiscard]] int wordcount(const wordcount_options& options,
                            maus::programs::stop_signals& signals);

struct picture_options : job_options {
    std::uint32_t width = 1600;
    std::string output = {};  ///< a file for the picture
};
[[nodiscard]] int picture(const picture_options& options, maus::programs::stop_signals& signals);

struct primes_options : job_options {
    std::uint64_t to = 100'000'000;
};
[[nodiscard]] int primes(const primes_options& options, maus::programs::stop_signals& signals);

struct integrate_options : job_options {
    std::string curve = "pi";
    std::uint32_t parabolas = 500;  ///< in each of its parts
    bool by_name = false;
};
[[nodiscard]] int integrate(const integrate_options& options,
                            maus::programs::stop_signals& signals);

struct worker_options {
    std::vector<std::string> parkservers = {default_parkserver};
    std::string type = default_job_type;
};
/// The worker of all jobs.
[[nodiscard]] int job_worker(const worker_options& options, maus::programs::stop_signals& signals);

}  // namespace demo
