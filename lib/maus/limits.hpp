// Every bound of the library, with its unit in its name and its default, in one place.
//
// Each overflow has an answer: a named error, a refused message or a peer that is disconnected;
// what happens stands beside the bound.
#pragma once

#include <cstddef>
#include <cstdint>

namespace maus {

struct limits {
    /// One frame of a link or relay message; larger ones end the connection (libzmq does that), and
    /// a call or result that would make one fails with too_large.
    std::size_t message_bytes_max = 64u << 20;
    /// One frame of a control message; larger ones are refused as too_large.
    std::size_t control_bytes_max = 1u << 20;
    /// Frames in one message, all told; a message with more is refused as protocol_violation.
    std::size_t frames_max = 66;
    /// A function's name, a worker's type, a host's name; longer ones are refused as too_large.
    std::size_t name_bytes_max = 128;
    /// A function's signature; longer ones are refused as too_large.
    std::size_t signature_bytes_max = 4096;
    /// Functions that one worker exposes; a registration or hello with more is refused as
    /// too_large.
    std::size_t functions_max = 1024;
    /// Endpoints of one manager.
    std::size_t endpoints_max = 16;
    /// An error's text; longer ones are cut.
    std::size_t text_bytes_max = 16384;
    /// Features that one peer names, and extensions of one body; more are refused as too_large.
    std::size_t features_max = 64;
    std::size_t extensions_max = 64;

    /// Calls of one group of workers that are not settled; one more blocks or fails with
    /// overloaded.
    std::size_t calls_max = 1u << 20;
    /// Bytes of the calls of one group of workers: the arguments of those that are not settled, and
    /// the results of those whose callbacks have not run yet. A call that would make it more blocks
    /// or fails with overloaded; one that is larger than all of that is taken when there is no other.
    /// (Results in futures are the program's own, and do not count.)
    std::size_t calls_bytes_max = 256u << 20;
    /// Calls that one worker holds, running, waiting and detached together; and as many again that
    /// callables make and wait for (function.hpp).
    std::size_t calls_per_worker_max = 16384;
    /// Detached calls that a manager lets a worker hold for each that it runs at a time, before it has
    /// answered any; each that it answers makes room for one more. Others wait at the manager.
    std::size_t detached_per_slot_max = 64;
    /// Items of one stream that its caller has not read, and their bytes (and one item more): its
    /// function waits then. 0 counts as 1.
    std::size_t stream_items_max = 65536;
    std::size_t stream_bytes_max = 1u << 20;
    /// Callbacks of one worker that its manager has not answered. A worker keeps more to itself until
    /// there is room. If they come from a function that a callable called, they fail with overloaded.
    std::size_t callbacks_max = 4096;
    /// The texts of scripts that a worker remembers for its manager (script.hpp), each with 4 KiB more. The
    /// oldest are forgotten, and sent again when they are needed. A call whose scripts alone have more
    /// fails with too_large.
    std::size_t script_bytes_max = 1u << 20;
    /// Functions that one worker runs at a time; a worker that is to run more is not made
    /// (invalid_argument).
    std::size_t concurrency_max = 1024;
    /// Calls that wait at one worker so that it never starves (the credit window's upper end).
    std::size_t prefetch_max = 2048;
    /// Payloads from this size travel in frames of their own, not copied.
    std::size_t payload_apart_bytes = 32u << 10;
    /// Records in one message, and bytes after which a message is not added to.
    std::size_t batch_records_max = 1024;
    std::size_t batch_bytes_max = 32u << 10;

    /// Bytes that wait for one peer whose connection does not take them; a peer with more is
    /// disconnected.
    std::size_t queued_bytes_max = 256u << 20;

    /// Workers and managers of one parkserver, and requests of one manager; more are rejected as
    /// overloaded.
    std::size_t peers_max = 100000;
    std::size_t requests_max = 10000;
    /// Leases that one manager lost and that a parkserver remembers; the oldest is forgotten for one
    /// more.
    std::size_t lost_leases_max = 10000;
};

}  // namespace maus
