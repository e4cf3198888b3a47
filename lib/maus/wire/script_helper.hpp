// What a worker and maus-js, the process that runs its scripts, say to each other over a socket pair.
//
// Each message is u32 length, u8 type, body. A run is answered with one message, in the order in which
// the runs were sent; the first one that is not answered is the one that runs. This is between two
// programs of one version, and no part of the protocol.
//
//     worker   -> maus-js   text {number, "x => x + 1"}   run {7, number, values}
//     worker  <-  maus-js   ready {}                      value {7, value}
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "maus/base/buffer.hpp"
#include "maus/base/result.hpp"
#include "maus/value.hpp"

namespace maus::wire::helper {

struct text {
    std::uint32_t number = 0;
    std::string source;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(number, source);
    }
};
struct forget {
    std::uint32_t number = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(number);
    }
};
/// The values follow, to the end of the message.
struct run {
    std::uint64_t id = 0;
    std::uint32_t text = 0;
    std::uint32_t cpu_seconds = 0;  ///< that it may take
    maus::arguments arguments;
};

/// It is within its sandbox. Nothing is run before.
struct ready {
    template <class Archive>
    void serialize(Archive&) {}
};
/// It cannot begin.
struct broken {
    std::string why;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(why);
    }
};
/// The encoded value follows, to the end of the message.
struct value {
    std::uint64_t run = 0;
    base::buffer encoded;
};
struct threw {
    std::uint64_t run = 0;
    std::string name;
    std::string message;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(run, name, message);
    }
};
/// What it gave is no value.
struct no_value {
    std::uint64_t run = 0;
    std::string why;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(run, why);
    }
};

using request = std::variant<text, forget, run>;
using answer = std::variant<ready, broken, value, threw, no_value>;

/// Appends a message.
void add(base::buffer& to, const text& message);
void add(base::buffer& to, const forget& message);
/// `arguments`: encoded, one after the other.
void add_run(base::buffer& to, const run& head, base::byte_view arguments);
void add(base::buffer& to, const answer& message);

/// How long the message is of which this is the front, with its length; nothing: that is not there yet.
[[nodiscard]] std::optional<std::size_t> message_bytes(base::byte_view front);
/// All of one message, with its length.
[[nodiscard]] base::result<request> decode_request(base::byte_view message);
[[nodiscard]] base::result<answer> decode_answer(base::byte_view message);

}  // namespace maus::wire::helper
