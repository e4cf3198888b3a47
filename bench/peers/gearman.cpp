// Gearman: jobs through gearmand, by libgearman.
#include <libgearman/gearman.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "bench/peers/program.hpp"

namespace bench {

namespace {

constexpr const char* host = "127.0.0.1";

void check(gearman_return_t status) {
    if (gearman_failed(status)) {
        throw std::runtime_error(std::string("gearman: ") + gearman_strerror(status));
    }
}
in_port_t address_of(const std::string& text) { return static_cast<in_port_t>(std::stoi(text)); }

// libgearman frees what it is given.
void* echo_job(gearman_job_st* job, void*, std::size_t* size, gearman_return_t* status) {
    *size = gearman_job_workload_size(job);
    *status = GEARMAN_SUCCESS;
    return std::memcpy(std::malloc(*size), gearman_job_workload(job), *size);
}

void role_server(const words& arguments) {
    gearman_worker_st* worker = gearman_worker_create(nullptr);
    check(gearman_worker_add_server(worker, host, address_of(arguments.at(0))));
    check(gearman_worker_define_function(worker, "echo", 4, gearman_function_create_v1(echo_job), 0,
                                         nullptr));
    answer(arguments.at(0));
    for (;;) check(gearman_worker_work(worker));
}

// libgearman runs a set of tasks until all are done: each that is done adds the next.
class client {
public:
    client(const std::string& port, std::size_t window, std::size_t bytes)
        : handle_(gearman_client_create(nullptr)), payload_(bytes, 'x'), places_(window) {
        check(gearman_client_add_server(handle_, host, address_of(port)));
        gearman_client_add_options(handle_, GEARMAN_CLIENT_FREE_TASKS);
        gearman_client_set_complete_fn(handle_, came);
        for (auto& each : places_) each.of = this;
    }
    timed run(double seconds) {
        made_ = {};
        const double begun = now_s();
        end_ = begun + seconds;
        for (auto& each : places_) each.send();
        check(gearman_client_run_tasks(handle_));
        made_.seconds = now_s() - begun;
        return made_;
    }

private:
    struct place {  // in the window
        client* of = nullptr;
        double at = 0;

        void send() {
            at = now_s();
            gearman_return_t status = GEARMAN_SUCCESS;
            gearman_client_add_task(of->handle_, nullptr, this, "echo", nullptr,
                                    of->payload_.data(), of->payload_.size(), &status);
            check(status);
        }
    };
    static gearman_return_t came(gearman_task_st* task) {
        auto& where = *static_cast<place*>(gearman_task_context(task));
        client& self = *where.of;
        if (gearman_task_data_size(task) != self.payload_.size()) return GEARMAN_WORK_FAIL;
        const double now = now_s();
        self.made_.latencies.record(now - where.at);
        if (now < self.end_) where.send();
        return GEARMAN_SUCCESS;
    }

    gearman_client_st* handle_;
    std::string payload_;
    std::vector<place> places_;
    double end_ = 0;
    timed made_;
};

void role_client(const words& arguments) {
    client caller(arguments.at(0), std::stoul(arguments.at(1)), std::stoul(arguments.at(2)));
    serve_runs([&](double seconds) { return caller.run(seconds); });
}

}  // namespace

}  // namespace bench

int main(int argc, char** argv) {
    return bench::run_peer(argc, argv, bench::role_server, bench::role_client);
}
