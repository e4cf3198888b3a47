#include "space.hpp"

#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "stage.hpp"
#include "support/wait.hpp"

namespace faults {

namespace {

bool works(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;  // our own fixed words only
}

void must(const std::string& command) {
    if (!works(command)) throw row_skipped("`" + command + "` does not work here");
}

void write_file(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

void enter_new_space() {
    const auto user = ::getuid();
    const auto group = ::getgid();
    if (::unshare(CLONE_NEWNET) == 0) return;
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        throw row_skipped("no right to make network namespaces (be root, or allow them to users)");
    }
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + std::to_string(user) + " 1");
    write_file("/proc/self/gid_map", "0 " + std::to_string(group) + " 1");
}

std::filesystem::path space_of(const std::string& pid) {
    std::error_code gone;
    return std::filesystem::read_symlink("/proc/" + pid + "/ns/net", gone);
}

}  // namespace

space::space() {
    for (const char* each : {"ip", "nft", "nsenter", "unshare"}) {
        if (!works(std::string("command -v ") + each)) {
            throw row_skipped(std::string(each) + " is not installed (iproute2, nftables)");
        }
    }
    enter_new_space();
    must("ip link set lo up");
    keeper_.emplace("/usr/bin/unshare", words{"--net", "sleep", "3600"});
    const std::string pid = std::to_string(keeper_->pid());
    if (!maus_test::eventually([&] { return space_of(pid) != space_of("self"); }, 10s)) {
        throw row_skipped("a second network namespace cannot be made");
    }
    const std::string there = "nsenter --target " + pid + " --net ";
    must("ip link add near type veth peer name far");
    must("ip link set far netns " + pid);
    must("ip address add 10.77.0.1/24 dev near");
    must("ip link set near up");
    must(there + "ip link set lo up");
    must(there + "ip address add 10.77.0.2/24 dev far");
    must(there + "ip link set far up");
    must("nft add table inet cable");
}

std::string space::far_side() const {
    return "/proc/" + std::to_string(keeper_->pid()) + "/ns/net";
}

void space::cut(direction which) {
    if (which != direction::to_far_side) {
        must("nft 'add chain inet cable in { type filter hook input priority 0; }'");
        must("nft add rule inet cable in iifname near drop");
    }
    if (which != direction::from_far_side) {
        must("nft 'add chain inet cable out { type filter hook output priority 0; }'");
        must("nft add rule inet cable out oifname near drop");
    }
}

void space::heal() {
    must("nft delete table inet cable");
    must("nft add table inet cable");
}

}  // namespace faults
