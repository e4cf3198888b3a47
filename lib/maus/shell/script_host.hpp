// Runs scripts for a worker: its process maus-js, and the thread that talks to it.
//
// The thread and the process are made when the first script is to run; core/script_runs.hpp tells the
// life of the process. The thread has started it, and the process ends with it.
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>

#include "maus/core/script_runs.hpp"
#include "maus/net/helper_process.hpp"
#include "maus/options.hpp"
#include "maus/shell/callback_desk.hpp"
#include "maus/wire/convert.hpp"

namespace maus::shell {

class script_host {
public:
    /// Throws maus::error (invalid_argument) if there is no maus-js.
    explicit script_host(const worker_options& options);
    ~script_host() { close(); }
    script_host(const script_host&) = delete;
    script_host& operator=(const script_host&) = delete;

    /// For a function of this link. `signature`: by which it calls the script. `call` has its arguments,
    /// is owned by the desk, and is settled there in any case.
    void run(std::uint64_t link, core::script_pointer script, const std::string& signature,
             base::instant deadline, detail::state_base& call,
             const std::shared_ptr<callback_desk>& desk);
    /// Nobody waits for those of other links.
    void keep_only(std::uint64_t link);
    /// In a program's own loop, which waits for scripts: called when one is done. Before the first run.
    void on_settled(std::function<void()> call) { on_settled_ = std::move(call); }
    /// The worker has stopped: what is not done fails.
    void stop();
    /// The same, and waits for the thread. By the worker's owner.
    void close();

private:
    using conversion = std::shared_ptr<const wire::conversion>;
    struct waiting {
        detail::state_ref<detail::state_base> call;
        std::shared_ptr<callback_desk> desk;
        conversion convert;
    };
    struct settlement {
        waiting of;
        callback_desk::outcome with;
    };

    [[nodiscard]] base::result<conversion> conversion_of(const std::string& signature);
    [[nodiscard]] std::optional<std::string> begin();
    void wake() const;
    [[nodiscard]] bool is_stopped();
    void work();
    void step();
    void wait();
    void apply(core::script_effects& effects);
    void start();
    void take_answers();
    void lose_process();
    void settle(std::vector<settlement>& all) const;

    std::string program_;
    script_limits limits_;
    std::size_t answer_bytes_max_;
    std::mutex guard_;  // of what follows
    core::script_runs runs_;
    core::script_effects effects_;
    std::unordered_map<std::uint64_t, waiting> waiting_;
    std::map<std::string, conversion>
        conversions_;  // by signature: as many as the worker's functions have
    std::uint64_t made_ = 0;
    bool stopped_ = false;
    int wake_fd_ = -1;
    std::thread thread_;
    std::function<void()> on_settled_;
    // By the thread.
    std::unique_ptr<net::helper_process> process_;
    base::buffer to_send_, came_;
    std::string broken_;  // why it cannot begin, as it says
};

}  // namespace maus::shell
