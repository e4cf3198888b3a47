#include "broker/web/token_file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "maus/error.hpp"
#include "maus/json.hpp"

namespace maus::web {

namespace fs = std::filesystem;

namespace {

error wrong(const fs::path& file, const std::string& why) {
    return {errc::invalid_argument, "the tokens in " + file.string() + ": " + why};
}
error failed(const fs::path& file, const char* what) {
    return wrong(file, std::string(what) + ": " + std::strerror(errno));
}

class descriptor {
public:
    explicit descriptor(int fd) : fd_(fd) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

private:
    int fd_;
};

void check_owner(const fs::path& file, int fd) {
    struct stat is {};
    if (::fstat(fd, &is) != 0) throw failed(file, "cannot look at it");
    if (!S_ISREG(is.st_mode)) throw wrong(file, "it is no file");
    if (is.st_uid != ::geteuid()) throw wrong(file, "it belongs to another user");
    if ((is.st_mode & 077) != 0) {
        throw wrong(file, "others may read it: chmod 600, or remove it to have new ones");
    }
}

std::string contents(const fs::path& file, int fd) {
    constexpr std::size_t bytes_max = 4096;
    std::string text(bytes_max, '\0');
    const ssize_t count = ::read(fd, text.data(), text.size());
    if (count < 0) throw failed(file, "cannot read it");
    text.resize(static_cast<std::size_t>(count));
    return text;
}

tokens parse(const fs::path& file, const std::string& text) {
    std::array<std::string, 3> read;
    try {
        const value all = from_json(text);
        for (const role each : all_roles) {
            read[static_cast<std::size_t>(each)] = all.as_object().at(to_string(each)).as_string();
        }
    } catch (const error&) {
        throw wrong(file, R"(it is not {"worker": "...", "manager": "...", "observer": "..."}; )"
                          "remove it to have new ones");
    }
    for (const auto& each : read) {
        if (tokens::is_good(each)) continue;
        throw wrong(
            file,
            "a token has 22 to 128 letters, digits, - and _; remove the file to have new ones");
    }
    if (read[0] == read[1] || read[0] == read[2] || read[1] == read[2]) {
        throw wrong(file, "two roles have the same token");
    }
    return tokens{std::move(read)};
}

/// Nothing: it is not there.
std::optional<tokens> read_tokens(const fs::path& file) {
    const descriptor opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (opened.get() < 0) {
        if (errno == ENOENT) return std::nullopt;
        throw failed(file, "cannot open it");
    }
    check_owner(file, opened.get());
    return parse(file, contents(file, opened.get()));
}

tokens random_tokens() {
    std::array<std::uint8_t, 3 * tokens::random_bytes> random{};
    std::size_t filled = 0;
    while (filled < random.size()) {
        const ssize_t got = ::getrandom(random.data() + filled, random.size() - filled, 0);
        if (got > 0) filled += static_cast<std::size_t>(got);
    }
    return tokens{random};
}

void make_folder(const fs::path& file) {
    const fs::path folder = file.parent_path();
    if (folder.empty() || fs::exists(folder)) return;
    fs::create_directories(folder.parent_path());
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
        throw failed(file, "cannot make its folder");
    }
}

/// Of two gateways that start at a time, the first one's are there in the end: whole, or not at all.
void write_tokens(const fs::path& file, const tokens& made) {
    value::object all;
    for (const role each : all_roles) all.insert(std::string(to_string(each)), made.of(each));
    const std::string text = to_json(value(std::move(all)), 2) + "\n";
    const fs::path part = file.string() + "." + std::to_string(::getpid());
    ::unlink(part.c_str());
    {
        const descriptor opened(
            ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (opened.get() < 0) throw failed(file, "cannot make it");
        if (::write(opened.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
            ::fsync(opened.get()) != 0) {
            ::unlink(part.c_str());
            throw failed(file, "cannot write it");
        }
    }
    const bool linked = ::link(part.c_str(), file.c_str()) == 0 || errno == EEXIST;
    const int number = errno;
    ::unlink(part.c_str());
    errno = number;
    if (!linked) throw failed(file, "cannot make it");
}

}  // namespace

fs::path default_token_file() {
    const char* state = std::getenv("XDG_STATE_HOME");
    if (state != nullptr && state[0] == '/') return fs::path(state) / "maus" / "web-tokens.json";
    const char* home = std::getenv("HOME");
    if (home == nullptr || home[0] != '/') return {};
    return fs::path(home) / ".local" / "state" / "maus" / "web-tokens.json";
}

tokens read_or_make_tokens(const fs::path& file) {
    if (file.empty()) {
        throw error(errc::invalid_argument, "there is no HOME to keep the tokens in: name a file");
    }
    if (auto known = read_tokens(file)) return *known;
    try {
        make_folder(file);
    } catch (const fs::filesystem_error& why) {
        throw wrong(file, std::string("cannot make its folder: ") + why.what());
    }
    write_tokens(file, random_tokens());
    if (auto made = read_tokens(file)) return *made;
    throw wrong(file, "it was removed while it was made");
}

}  // namespace maus::web
