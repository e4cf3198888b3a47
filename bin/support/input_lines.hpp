// The lines of stdin, read in a way that another thread can end while nothing comes.
#pragma once

#include <string>

namespace maus::programs {

class input_lines {
public:
    /// Does not own the descriptor.
    explicit input_lines(int fd);
    input_lines(const input_lines&) = delete;
    input_lines& operator=(const input_lines&) = delete;
    ~input_lines();

    /// Waits for the next line; the last one may lack its end. False: there is none, or stop() was
    /// called. Throws programs::failure if it cannot be read.
    [[nodiscard]] bool next(std::string& line);
    /// From now on nothing more is read: next() gives what came already, and then no more. Any thread.
    void stop();

private:
    [[nodiscard]] bool read_more();

    int fd_;
    int stop_fd_;
    std::string unread_;
    std::size_t at_ = 0;  // where the next line begins in it
    bool ended_ = false;
};

}  // namespace maus::programs
