// A gateway in this process, on a port of its own, with tokens of its own.
#pragma once

#include <cstdlib>
#include <string>
#include <utility>

#include "broker/web/gateway.hpp"
#include "support/log_book.hpp"
#include "support/scratch.hpp"
#include "support/web_socket.hpp"

namespace maus_test {

using maus::web::role;

class real_gateway {
public:
    explicit real_gateway(const std::string& parkserver, maus::web::gateway_options options = {})
        : door_(completed(std::move(options), parkserver)) {
        door_.start();
    }

    [[nodiscard]] int port() const {
        const std::string address = door_.address();
        return std::atoi(address.c_str() + address.rfind(':') + 1);
    }
    [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port()); }
    [[nodiscard]] std::string token(role of) const {
        const std::string address = door_.address(of);
        return address.substr(address.rfind('=') + 1);
    }
    /// The first message that a peer sends.
    [[nodiscard]] std::string greeting(role as) const {
        return R"({"token":")" + token(as) + "\"}";
    }
    /// A WebSocket that is answered.
    [[nodiscard]] web_socket join(role as, const web_socket::asked& options = {}) const {
        web_socket made(port(), options);
        made.send(web_socket::text, greeting(as));
        const auto answer = made.next();
        if (!answer || answer->opcode != web_socket::text) {
            throw std::runtime_error("a gateway did not answer a good token");
        }
        return made;
    }
    maus::web::gateway& itself() { return door_; }
    [[nodiscard]] const std::string& folder() const { return folder_.path(); }

    log_book log;

private:
    maus::web::gateway_options completed(maus::web::gateway_options options,
                                         const std::string& parkserver) {
        options.parkserver = parkserver;
        options.listen = "127.0.0.1:0";
        options.tokens = folder_.file("tokens.json");
        options.log = log.writer();
        return options;
    }

    scratch_folder folder_;
    maus::web::gateway door_;
};

}  // namespace maus_test
