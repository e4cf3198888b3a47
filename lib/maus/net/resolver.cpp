#include "maus/net/resolver.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

#include "maus/error.hpp"
#include "maus/net/process.hpp"

namespace maus::net {

namespace {

using found_addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

std::string uncapitalised(std::string text) {
    if (!text.empty()) {
        text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    }
    return text;
}

std::string why_not_found(int code) {
    if (code == EAI_NONAME) return "name not found";
    if (code == EAI_SYSTEM) return uncapitalised(std::strerror(errno));
    return uncapitalised(gai_strerror(code));
}

/// Jobs that may take long, each on a thread for itself.
class background : public std::enable_shared_from_this<background> {
public:
    /// Throws maus::error (resource_exhausted) if there is no thread and none can be made.
    void run(std::function<void()> job) {
        std::unique_lock lock(guard_);
        jobs_.push_back(std::move(job));
        if (idle_ >= jobs_.size() || threads_ == threads_max) return work_.notify_one();
        ++threads_;
        try {
            spawn([self = shared_from_this()] { self->work(); }).detach();
        } catch (const error&) {
            if (--threads_ != 0) return;
            jobs_.pop_back();
            throw;
        }
    }

private:
    void work() {
        std::unique_lock lock(guard_);
        for (;;) {
            ++idle_;
            const bool some = work_.wait_for(lock, idle_max, [this] { return !jobs_.empty(); });
            --idle_;
            if (!some) break;
            {
                const auto job = std::move(jobs_.front());
                jobs_.pop_front();
                lock.unlock();
                job();
            }
            lock.lock();
        }
        --threads_;
    }

    static constexpr std::size_t threads_max = 16;
    static constexpr std::chrono::seconds idle_max{1};

    std::mutex guard_;
    std::condition_variable work_;
    std::deque<std::function<void()>> jobs_;
    std::size_t threads_ = 0;
    std::size_t idle_ = 0;
};

background& threads() {
    // A thread that is still in a look-up when the process ends has its own share in it.
    static const auto all = std::make_shared<background>();
    return *all;
}

/// Who waits for the look-up of which name.
class look_ups : public std::enable_shared_from_this<look_ups> {
public:
    using listener = std::function<void(const addresses&)>;

    void begin(const std::string& name, listener done) {
        {
            const std::lock_guard lock(guard_);
            auto& listeners = waiting_[name];
            listeners.push_back(std::move(done));
            if (listeners.size() > 1) return;
        }
        try {
            threads().run([self = shared_from_this(), name] { self->end(name, look_up(name)); });
        } catch (const error& failed) {
            end(name, {{}, failed.what()});
        }
    }

private:
    void end(const std::string& name, const addresses& answer) {
        std::vector<listener> listeners;
        {
            const std::lock_guard lock(guard_);
            listeners = std::move(waiting_[name]);
            waiting_.erase(name);
        }
        for (const auto& each : listeners) each(answer);
    }

    std::mutex guard_;
    std::map<std::string, std::vector<listener>> waiting_;
};

/// An address as the system takes it.
struct system_address {
    sockaddr_storage bytes{};
    socklen_t size = 0;
};

system_address of_path(const std::string& path) {
    system_address made;
    auto* to = reinterpret_cast<sockaddr_un*>(&made.bytes);
    to->sun_family = AF_UNIX;
    const std::size_t count = std::min(path.size(), sizeof to->sun_path - 1);
    std::memcpy(to->sun_path, path.data(), count);
    if (path.starts_with('@')) to->sun_path[0] = '\0';  // libzmq's word for an abstract one
    made.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + count +
                                       (path.starts_with('@') ? 0 : 1));
    return made;
}

system_address of_numbers(const base::endpoint& at) {
    system_address made;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (getaddrinfo(at.host.c_str(), at.port.c_str(), &hints, &found) != 0) return made;
    const found_addresses all(found, freeaddrinfo);
    std::memcpy(&made.bytes, found->ai_addr, found->ai_addrlen);
    made.size = found->ai_addrlen;
    return made;
}

/// 0: it can be connected to.
int try_to_connect(const system_address& to) {
    constexpr int timeout_ms = 300;
    const int fd = ::socket(to.bytes.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    int failed =
        ::connect(fd, reinterpret_cast<const sockaddr*>(&to.bytes), to.size) == 0 ? 0 : errno;
    if (failed == EINPROGRESS) {
        pollfd writable{fd, POLLOUT, 0};
        socklen_t size = sizeof failed;
        if (::poll(&writable, 1, timeout_ms) != 1) {
            failed = ETIMEDOUT;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0) {
            failed = errno;
        }
    }
    ::close(fd);
    return failed;
}

std::string explain(const base::endpoint& address) {
    const bool is_path = address.transport == base::endpoint::kind::ipc;
    const system_address to = is_path ? of_path(address.path) : of_numbers(address);
    if (to.size == 0) return "not an address";
    switch (const int failed = try_to_connect(to)) {
        case 0: return "no answer";  // to the first try; perhaps to the next one
        case ETIMEDOUT:
        case EAGAIN: return "timed out";
        default: return uncapitalised(std::strerror(failed));
    }
}

}  // namespace

addresses look_up(const std::string& name) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* first = nullptr;
    if (const int code = getaddrinfo(name.c_str(), nullptr, &hints, &first); code != 0) {
        return {{}, why_not_found(code)};
    }
    const found_addresses all(first, freeaddrinfo);
    addresses answer;
    for (const addrinfo* each = first; each != nullptr; each = each->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                        NI_NUMERICHOST) != 0) {
            continue;
        }
        const bool again =
            std::find(answer.found.begin(), answer.found.end(), text.data()) != answer.found.end();
        if (!again) answer.found.emplace_back(text.data());
    }
    if (answer.found.empty()) answer.why = "it has no address";
    return answer;
}

void look_up_later(const std::string& name, std::function<void(const addresses&)> done) {
    static const auto all = std::make_shared<look_ups>();
    all->begin(name, std::move(done));
}

void explain_later(const base::endpoint& address, std::function<void(const std::string&)> done) {
    try {
        threads().run([address, done] { done(explain(address)); });
    } catch (const error& failed) {
        done(failed.what());
    }
}

}  // namespace maus::net
