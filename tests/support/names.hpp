// What the names of this test process lead to. getaddrinfo (names.cpp takes its place, in libzmq too)
// answers as ever, but for the names that a test has spoken for.
#pragma once

#include <string>
#include <vector>

namespace maus_test {

/// The look-up of a name, for as long as the object lives.
class named {
public:
    /// Leads to these addresses, in this order; none: there is no such name.
    explicit named(std::string name, std::vector<std::string> addresses = {});
    named(const named&) = delete;
    named& operator=(const named&) = delete;
    ~named();

private:
    std::string name_;
};

/// A name whose look-up does not end before the object does, and then fails.
class stuck_name {
public:
    explicit stuck_name(std::string name);
    stuck_name(const stuck_name&) = delete;
    stuck_name& operator=(const stuck_name&) = delete;
    ~stuck_name();
    /// How often it was looked up. Waits until that is not 0.
    [[nodiscard]] int look_ups() const;

private:
    std::string name_;
};

}  // namespace maus_test
