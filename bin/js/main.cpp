// maus-js: runs the scripts that a worker was sent (maus/script.hpp). A worker starts it; people do not.
//
// It is made to run the code of strangers. The engine is made first, and then the process gives up all
// rights but to compute and to answer over its socket (sandbox.hpp). Who runs it kills it if it takes too
// long, and expects that it may die at any time.

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string>
#include <variant>

#include "bin/js/engine.hpp"
#include "bin/js/sandbox.hpp"
#include "bin/support/program.hpp"
#include "maus/base/buffer.hpp"
#include "maus/wire/script_helper.hpp"

namespace {

namespace helper = maus::wire::helper;
namespace programs = maus::programs;

/// Messages over the socket.
class connection {
public:
    explicit connection(int socket) : socket_(socket) {}

    void say(const helper::answer& what) const {
        maus::base::buffer bytes;
        helper::add(bytes, what);
        maus::base::byte_view left = bytes.view();
        while (!left.empty()) {
            const ssize_t sent = ::write(socket_, left.data(), left.size());
            if (sent < 0 && errno == EINTR) continue;
            if (sent <= 0) throw programs::failure("the worker has gone");
            left = left.subspan(static_cast<std::size_t>(sent));
        }
    }

    /// False: the worker has closed it. `each(message)` for all that have come.
    template <class Each>
    bool read(Each each) {
        std::byte piece[65536];
        const ssize_t got = ::read(socket_, piece, sizeof piece);
        if (got < 0 && errno == EINTR) return true;
        if (got <= 0) return false;
        came_.append({piece, static_cast<std::size_t>(got)});
        maus::base::byte_view left = came_.view();
        while (const auto bytes = helper::message_bytes(left)) {
            if (*bytes > left.size()) break;
            each(left.first(*bytes));
            left = left.subspan(*bytes);
        }
        // A large one comes in many pieces.
        if (left.size() != came_.size()) came_ = maus::base::buffer(left);
        return true;
    }

private:
    int socket_;
    maus::base::buffer came_;
};

void serve(connection& with, maus::js::engine& engine, const helper::request& request) {
    if (const auto* text = std::get_if<helper::text>(&request)) {
        engine.know(text->number, text->source);
    } else if (const auto* forget = std::get_if<helper::forget>(&request)) {
        engine.forget(forget->number);
    } else {
        const auto& run = std::get<helper::run>(request);
        maus::js::limit_cpu(run.cpu_seconds);
        with.say(engine.run(run));
    }
}

struct choices {
    int socket = -1;
    std::size_t memory_bytes = 256u << 20;
    std::size_t stack_bytes = 4u << 20;
};

int serve(const choices& chosen) {
    connection worker(chosen.socket);
    try {
        if (chosen.socket > 3) ::close_range(3, static_cast<unsigned int>(chosen.socket) - 1, 0);
        ::close_range(static_cast<unsigned int>(chosen.socket) + 1, ~0u, 0);
        maus::js::limit_stack(chosen.stack_bytes);
        maus::js::engine engine;
        maus::js::enter_sandbox(chosen.memory_bytes, chosen.socket);
        worker.say(helper::ready{});
        const auto each = [&](maus::base::byte_view message) {
            const auto request = helper::decode_request(message);
            if (!request) throw programs::failure(request.why().message);
            serve(worker, engine, request.value());
        };
        while (worker.read(each)) {
        }
        std::_Exit(
            programs::exit_good);  // the engine has nothing to clear up that anybody would miss
    } catch (const std::exception& why) {
        worker.say(helper::broken{why.what()});
        return programs::exit_failed;
    }
}

}  // namespace

int main(int argc, char** argv) {
    choices chosen;
    CLI::App app{
        "Runs the scripts of a worker that allows them (maus::worker_options::allow_scripts), "
        "without\nany rights and within limits. The worker starts it.",
        "maus-js"};
    programs::prepare(
        app,
        "  maus-js --socket 3    as a worker calls it, which looks for it beside its own program "
        "and on the PATH");
    app.add_option("--socket", chosen.socket, "The descriptor of the socket to the worker")
        ->type_name("NUMBER")
        ->check(programs::is_within(3, 1 << 20))
        ->required();
    app.add_option("--memory", chosen.memory_bytes, "What scripts may take")
        ->type_name("BYTES")
        ->capture_default_str();
    app.add_option("--stack", chosen.stack_bytes, "How deep their stack may grow")
        ->type_name("BYTES")
        ->capture_default_str();
    return programs::run(app, argc, argv, [&] { return serve(chosen); });
}
