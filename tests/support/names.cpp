#include "support/names.hpp"

#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <map>
#include <mutex>

#include "support/wait.hpp"

namespace maus_test {

namespace {
struct entry {
    std::vector<std::string> addresses;
    bool stuck = false;
    int look_ups = 0;
};
struct book {
    std::mutex guard;
    std::condition_variable changed;
    std::map<std::string, entry> entries;
};
book& names() {
    static auto* all = new book;  // a look-up may outlive main()
    return *all;
}

using real_function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
real_function real() {
    static const auto found = reinterpret_cast<real_function>(dlsym(RTLD_NEXT, "getaddrinfo"));
    return found;
}

int answer(const entry& from, const char* service, const addrinfo* hints, addrinfo** result) {
    *result = nullptr;
    for (auto each = from.addresses.rbegin(); each != from.addresses.rend(); ++each) {
        addrinfo* one = nullptr;
        if (const int code = real()(each->c_str(), service, hints, &one); code != 0) return code;
        one->ai_next = *result;
        *result = one;
    }
    return *result == nullptr ? EAI_NONAME : 0;
}

int look_up(const char* name, const char* service, const addrinfo* hints, addrinfo** result) {
    book& all = names();
    std::unique_lock lock(all.guard);
    const auto found = name == nullptr ? all.entries.end() : all.entries.find(name);
    if (found == all.entries.end()) {
        lock.unlock();
        return real()(name, service, hints, result);
    }
    ++found->second.look_ups;
    all.changed.notify_all();
    if (!found->second.stuck) return answer(entry{found->second}, service, hints, result);
    const std::string key = name;
    all.changed.wait_for(lock, patience, [&] { return !all.entries.contains(key); });
    return EAI_AGAIN;
}

void put(const std::string& name, entry made) {
    const std::lock_guard lock(names().guard);
    names().entries[name] = std::move(made);
}
void remove(const std::string& name) {
    const std::lock_guard lock(names().guard);
    names().entries.erase(name);
    names().changed.notify_all();
}
}  // namespace

named::named(std::string name, std::vector<std::string> addresses) : name_(std::move(name)) {
    put(name_, {std::move(addresses)});
}
named::~named() { remove(name_); }

stuck_name::stuck_name(std::string name) : name_(std::move(name)) { put(name_, {{}, true}); }
stuck_name::~stuck_name() { remove(name_); }

int stuck_name::look_ups() const {
    std::unique_lock lock(names().guard);
    const entry& its = names().entries.at(name_);
    names().changed.wait_for(lock, patience, [&] { return its.look_ups != 0; });
    return its.look_ups;
}

}  // namespace maus_test

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** result) {
    return maus_test::look_up(name, service, hints, result);
}
