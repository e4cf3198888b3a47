// Preloaded into processes whose names cannot be looked up: a look-up of stuck.test takes ten seconds and
// fails, as one does whose servers do not answer.
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

#include <string_view>

extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** result) {
    using function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
    static const auto real = reinterpret_cast<function>(dlsym(RTLD_NEXT, "getaddrinfo"));
    if (name == nullptr || std::string_view(name) != "stuck.test") {
        return real(name, service, hints, result);
    }
    sleep(10);
    return EAI_AGAIN;
}
