#include "maus/shell/callback_thread.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "maus/net/process.hpp"

namespace maus::shell {

struct callback_thread::shared {
    std::mutex guard;
    std::condition_variable changed;
    std::vector<std::unique_ptr<base::task>> waiting;
    bool stopping = false;
    std::thread thread;
    std::thread::id own;
    std::mutex join_guard;  // whoever stops it second waits for the first

    void work() {
        std::vector<std::unique_ptr<base::task>> mine;
        std::unique_lock lock(guard);
        own = std::this_thread::get_id();
        for (;;) {
            changed.wait(lock, [this] { return stopping || !waiting.empty(); });
            if (waiting.empty()) return;
            std::swap(mine, waiting);
            lock.unlock();
            for (auto& each : mine) {
                each->run();
                each.reset();
            }
            mine.clear();
            lock.lock();
        }
    }
};

callback_thread::callback_thread() : shared_(std::make_shared<shared>()) {}

void callback_thread::post(std::unique_ptr<base::task> next) {
    {
        const std::lock_guard lock(shared_->guard);
        if (!shared_->stopping) {
            shared_->waiting.push_back(std::move(next));
            if (!shared_->thread.joinable()) {
                shared_->thread = net::spawn([kept = shared_] { kept->work(); });
            }
        }
    }
    if (next) {
        next->run();
    } else {
        shared_->changed.notify_one();
    }
}

bool callback_thread::end() {
    const std::lock_guard lock(shared_->guard);
    shared_->stopping = true;
    shared_->changed.notify_all();
    return shared_->own != std::this_thread::get_id();
}

void callback_thread::stop() {
    if (!end()) return;
    const std::lock_guard lock(shared_->join_guard);
    if (shared_->thread.joinable()) shared_->thread.join();
}

callback_thread::~callback_thread() {
    stop();
    // Still joinable: the last task lets go of us. The thread ends when that task has returned.
    if (shared_->thread.joinable()) shared_->thread.detach();
}

}  // namespace maus::shell
