// For functions that complete later: they do not hold their worker's slot while they wait.
//
//     worker.expose("sleep", [&](maus::responder<int> answer, int ms) {
//         timer.after(ms, [answer, ms] { answer(ms); });
//     });
//
// A function whose first parameter is a responder returns nothing; its result is what the responder
// is called with. (The other way is a coroutine that returns maus::future.)
#pragma once

#include <exception>
#include <memory>
#include <string>
#include <type_traits>

#include "maus/base/buffer.hpp"
#include "maus/checks.hpp"
#include "maus/error.hpp"
#include "maus/wire/archive.hpp"

namespace maus {

namespace detail {

/// The answer to one call. Given once; later ones are without effect.
class reply {
public:
    virtual ~reply() = default;
    virtual void value(base::buffer payload) = 0;
    virtual void fault(errc code, std::string type, std::string text) = 0;
    /// Type and text of an exception that a function threw.
    void fault(const std::exception_ptr& thrown);
};

}  // namespace detail

/// Copyable; all copies answer the same call. If all are gone without an answer, the call fails
/// with remote_exception. Thread-safe: any thread may answer.
template <class R>
class responder {
public:
    explicit responder(std::shared_ptr<detail::reply> reply) : reply_(std::move(reply)) {}

    template <class Given>
    requires std::is_convertible_v<Given, R>
    void operator()(Given&& value) const {
        static_assert(detail::keeps<R, Given>(),
                      "maus: an answer may lose its value on the way to the responder's (a double "
                      "for an int): give it that type, or static_cast it");
        (*this)(static_cast<const R&>(value));
    }
    void operator()(const R& value) const {
        base::buffer payload;
        try {
            wire::encode(payload, value);
        } catch (...) {
            return reply_->fault(std::current_exception());
        }
        reply_->value(std::move(payload));
    }
    /// The call fails with remote_exception, as if the function had thrown this.
    void fail(const std::exception_ptr& thrown) const { reply_->fault(thrown); }
    void fail(std::string text) const {
        reply_->fault(errc::remote_exception, "std::runtime_error", std::move(text));
    }

private:
    std::shared_ptr<detail::reply> reply_;
};

template <>
class responder<void> {
public:
    explicit responder(std::shared_ptr<detail::reply> reply) : reply_(std::move(reply)) {}

    void operator()() const { reply_->value({}); }
    void fail(const std::exception_ptr& thrown) const { reply_->fault(thrown); }
    void fail(std::string text) const {
        reply_->fault(errc::remote_exception, "std::runtime_error", std::move(text));
    }

private:
    std::shared_ptr<detail::reply> reply_;
};

}  // namespace maus
