// gRPC: unary calls by its asynchronous C++ interface, on one thread with a completion queue on
// either side. The payload is bytes as they are: what protobuf would cost on top is not charged.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <stdexcept>

#include "bench/peers/program.hpp"

namespace bench {

namespace {

// One call, from when it is awaited until its answer has left.
class served_call {
public:
    served_call(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue)
        : service_(service), queue_(queue), stream_(&context_) {
        service.RequestCall(&context_, &stream_, &queue, &queue, this);
    }
    void go_on(bool good) {
        if (!good || step_ == step::answered) {
            delete this;
        } else if (step_ == step::awaited) {
            new served_call(service_, queue_);
            step_ = step::called;
            stream_.Read(&payload_, this);
        } else {
            step_ = step::answered;
            stream_.WriteAndFinish(payload_, {}, grpc::Status::OK, this);
        }
    }

private:
    enum class step { awaited, called, answered } step_ = step::awaited;
    grpc::AsyncGenericService& service_;
    grpc::ServerCompletionQueue& queue_;
    grpc::GenericServerContext context_;
    grpc::GenericServerAsyncReaderWriter stream_;
    grpc::ByteBuffer payload_;
};

void role_server(const words&) {
    grpc::AsyncGenericService service;
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterAsyncGenericService(&service);
    const auto queue = builder.AddCompletionQueue();
    const auto server = builder.BuildAndStart();
    if (!server) throw std::runtime_error("gRPC's server does not start");
    answer(std::to_string(port));
    new served_call(service, *queue);
    void* tag = nullptr;
    for (bool good = false; queue->Next(&tag, &good);) {
        static_cast<served_call*>(tag)->go_on(good);
    }
}

struct call {
    double at = now_s();
    grpc::ClientContext context;
    grpc::ByteBuffer result;
    grpc::Status status;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
};

void role_client(const words& arguments) {
    grpc::GenericStub stub(
        grpc::CreateChannel("127.0.0.1:" + arguments.at(0), grpc::InsecureChannelCredentials()));
    const auto window = std::stoul(arguments.at(1)), bytes = std::stoul(arguments.at(2));
    const grpc::Slice slice(std::string(bytes, 'x'));
    const grpc::ByteBuffer payload(&slice, 1);
    grpc::CompletionQueue queue;
    std::size_t outstanding = 0;
    const auto send = [&] {
        auto* made = new call;
        made->reader = stub.PrepareUnaryCall(&made->context, "/bench/echo", payload, &queue);
        made->reader->StartCall();
        made->reader->Finish(&made->result, &made->status, made);
        ++outstanding;
    };
    serve_runs([&](double seconds) {
        timed made;
        const double begun = now_s(), end = begun + seconds;
        for (std::size_t i = 0; i < window; ++i) send();
        while (outstanding > 0) {
            void* tag = nullptr;
            bool good = false;
            queue.Next(&tag, &good);
            const std::unique_ptr<call> done(static_cast<call*>(tag));
            --outstanding;
            if (!done->status.ok() || done->result.Length() != bytes) {
                throw std::runtime_error("gRPC: " + done->status.error_message());
            }
            const double now = now_s();
            made.latencies.record(now - done->at);
            if (now < end) send();
        }
        made.seconds = now_s() - begun;
        return made;
    });
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) {
    return bench::run_peer(argc, argv, bench::role_server, bench::role_client);
}
