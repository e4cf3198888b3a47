// A call as its future sees it, without a manager.
#pragma once

#include <maus/future.hpp>
#include <memory>
#include <stdexcept>
#include <utility>

/// What the library does when a result comes, without the library.
template <class T>
struct pending_call {
    maus::detail::state_ref<maus::detail::state<T>> state{new maus::detail::state<T>};
    maus::future<T> future{state};

    template <class... Values>
    void comes(const Values&... values) {
        maus::base::buffer payload;
        maus::wire::encode(payload, values...);
        state->retain();
        state->settle_and_release(std::move(payload), nullptr);
    }
    void fails(maus::errc code) {
        state->settle(std::make_exception_ptr(maus::error(code, "it failed")), nullptr);
    }
};

template <class Body>
maus::errc code_from(Body body) {
    try {
        body();
    } catch (const maus::error& failed) {
        return failed.code();
    }
    throw std::logic_error("no error");
}
template <class T>
maus::errc code_of(maus::future<T> failed) {
    return code_from([&] { failed.get(); });
}
