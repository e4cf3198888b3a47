// NATS: request and reply through nats-server, by its C client.
#include <nats/nats.h>

#include <stdexcept>

#include "bench/peers/program.hpp"

namespace bench {

namespace {

void check(natsStatus status) {
    if (status != NATS_OK)
        throw std::runtime_error(std::string("NATS: ") + natsStatus_GetText(status));
}

// With few calls outstanding it is faster (1.5 to 25 times) if it sends each at once; with many, if
// its own thread gathers them, as it does by default (2.4 times).
bool sends_at_once(const words& arguments) { return std::stoul(arguments.at(1)) <= 100; }

natsConnection* connected(const std::string& port, bool at_once) {
    natsOptions* options = nullptr;
    natsConnection* made = nullptr;
    const std::string url = "nats://127.0.0.1:" + port;
    check(natsOptions_Create(&options));
    check(natsOptions_SetURL(options, url.c_str()));
    check(natsOptions_SetSendAsap(options, at_once));
    check(natsConnection_Connect(&made, options));
    natsOptions_Destroy(options);
    return made;
}

void role_server(const words& arguments) {
    natsConnection* connection = connected(arguments.at(0), sends_at_once(arguments));
    natsSubscription* subscription = nullptr;
    const auto echo = [](natsConnection* on, natsSubscription*, natsMsg* message, void*) {
        natsConnection_Publish(on, natsMsg_GetReply(message), natsMsg_GetData(message),
                               natsMsg_GetDataLength(message));
        natsMsg_Destroy(message);
    };
    check(natsConnection_Subscribe(&subscription, connection, "echo", echo, nullptr));
    check(natsConnection_Flush(connection));
    answer(arguments.at(0));
    (void)next_command();  // until nobody is there any more
}

void role_client(const words& arguments) {
    natsConnection* connection = connected(arguments.at(0), sends_at_once(arguments));
    const std::string payload(std::stoul(arguments.at(2)), 'x');
    natsInbox* inbox = nullptr;
    natsSubscription* replies = nullptr;
    check(natsInbox_Create(&inbox));
    check(natsConnection_SubscribeSync(&replies, connection, inbox));
    const auto send = [&] {
        check(natsConnection_PublishRequest(connection, "echo", inbox, payload.data(),
                                            static_cast<int>(payload.size())));
    };
    const auto receive = [&] {
        natsMsg* message = nullptr;
        check(natsSubscription_NextMsg(&message, replies, 20'000));
        const bool good = natsMsg_GetDataLength(message) == static_cast<int>(payload.size());
        natsMsg_Destroy(message);
        if (!good) throw std::runtime_error("an echo of another size came");
    };
    serve_runs([&](double seconds) {
        return run_window(seconds, std::stoul(arguments.at(1)), send, receive);
    });
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) {
    return bench::run_peer(argc, argv, bench::role_server, bench::role_client);
}
