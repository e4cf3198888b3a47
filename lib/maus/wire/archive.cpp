// The failing half of the archives: out of line, so that the good path stays short.
#include "maus/wire/archive.hpp"

#include <new>
#include <stdexcept>

namespace maus::wire {

namespace {

/// Carries no text: the archive keeps the first reason.
struct bad_payload : std::exception {
    const char* what() const noexcept override { return "a payload that does not decode"; }
};

}  // namespace

void detail::encode_failed(errc code, const char* reason) { throw error{code, reason}; }

void input_archive::fail(const std::string& reason) {
    if (why_.empty()) {
        why_ = "at byte " + std::to_string(at_ - begin_) + ": " + reason;
    }
    at_ = end_;  // whoever goes on reading finds nothing
    throw bad_payload{};
}

void input_archive::fail_short(std::size_t count) {
    fail(std::to_string(count) + " bytes are missing here, " + std::to_string(left()) +
         " are left");
}

void input_archive::fail_count(std::size_t count, std::size_t bytes_min) {
    fail("it claims " + std::to_string(count) + " elements of at least " +
         std::to_string(bytes_min) + " bytes, " + std::to_string(left()) + " bytes are left");
}

void input_archive::fail_finish() { fail(std::to_string(left()) + " bytes too many"); }

base::failure input_archive::failed() const {
    const auto failure_of = [this](const std::string& reason) {
        return base::failure{errc::bad_arguments, why_.empty() ? reason : why_};
    };
    try {
        throw;
    } catch (const std::bad_alloc&) {
        return failure_of("the decoded value does not fit into memory");
    } catch (const std::exception& why) {
        return failure_of("its own serialize refused it: " + std::string{why.what()});
    }
}

}  // namespace maus::wire
