#include "maus/shell/script_host.hpp"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>
#include <vector>

#include "maus/net/clock.hpp"
#include "maus/net/process.hpp"

namespace maus::shell {

namespace {

constexpr const char* helper_name = "maus-js";

std::string program_of(const worker_options& options) {
    if (!options.maus_js.empty()) {
        if (net::is_executable(options.maus_js)) return options.maus_js;
        throw error(errc::invalid_argument,
                    "worker_options: allow_scripts, but " + options.maus_js + " cannot be run");
    }
    std::string found = net::find_program(helper_name);
    if (!found.empty()) return found;
    throw error(
        errc::invalid_argument,
        "worker_options: allow_scripts, but there is no maus-js beside this program or on the "
        "PATH; maus_js names it");
}

/// What it says of the engine's end.
core::job_fault fault_of(const std::optional<net::process_end>& end, const script_limits& limits) {
    core::job_fault fault{errc::remote_exception, helper_name, "its process has ended"};
    if (!end) return fault;
    const bool is_full = end->peak_bytes >= limits.memory_bytes / 10 * 9;
    if (end->signal == SIGXCPU) {
        fault = {errc::resource_exhausted, helper_name,
                 "the script took more of the processor than script_limits.time"};
    } else if (end->signal != SIGKILL && is_full) {
        fault = {errc::resource_exhausted, helper_name,
                 "the script took more memory than script_limits.memory_bytes, " +
                     std::to_string(limits.memory_bytes)};
    } else if (end->signal != 0) {
        fault.text = std::string("its process was ended by a signal: ") + ::strsignal(end->signal);
    }
    return fault;
}

}  // namespace

script_host::script_host(const worker_options& options)
    : program_(program_of(options)),
      limits_(options.scripts),
      answer_bytes_max_(options.limits.message_bytes_max + 1024),
      runs_(base::duration{limits_.time}) {}

// --- by any thread -------------------------------------------------------------------------------

void script_host::run(std::uint64_t link, core::script_pointer script, const std::string& signature,
                      base::instant deadline, detail::state_base& call,
                      const std::shared_ptr<callback_desk>& desk) {
    detail::state_ref<detail::state_base> mine(&call);
    std::unique_lock lock(guard_);
    const auto fail = [&](errc code, std::string text) {
        lock.unlock();
        desk->settle(call, core::job_fault{code, {}, std::move(text)}, "a script");
    };
    if (stopped_) return fail(errc::shutdown, "the worker has stopped");
    const auto convert = conversion_of(signature);
    if (!convert) return fail(convert.why().code, convert.why().message);
    auto values = convert.value()->arguments(call.arguments().view());
    if (!values) return fail(values.why().code, values.why().message);
    if (auto why = begin()) return fail(errc::resource_exhausted, *std::move(why));
    const std::uint64_t id = ++made_;
    waiting_.emplace(id, waiting{std::move(mine), desk, convert.value()});
    runs_.ask({id, link, std::move(script), std::move(values).value(), deadline}, net::clock_now(),
              effects_);
    wake();
}

base::result<script_host::conversion> script_host::conversion_of(const std::string& signature) {
    const auto known = conversions_.find(signature);
    if (known != conversions_.end()) return known->second;
    const std::string name = signature.substr(0, signature.find('('));
    auto made = wire::conversion::between(signature, name + "(...)->any");
    if (!made) return made.why();
    const auto shared = std::make_shared<const wire::conversion>(std::move(made).value());
    conversions_.emplace(signature, shared);
    return shared;
}

// Nothing: the thread is there.
std::optional<std::string> script_host::begin() {
    if (thread_.joinable()) return std::nullopt;
    if (wake_fd_ < 0) wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd_ < 0) return "no descriptor is left";
    try {
        thread_ = net::spawn([this] { work(); });
        return std::nullopt;
    } catch (const error& why) {
        return why.what();
    }
}

void script_host::wake() const {
    const std::uint64_t one = 1;
    if (wake_fd_ >= 0) (void)!::write(wake_fd_, &one, sizeof one);
}

void script_host::keep_only(std::uint64_t link) {
    const std::lock_guard lock(guard_);
    runs_.keep_only(link, net::clock_now(), effects_);
    wake();
}

void script_host::stop() {
    const std::lock_guard lock(guard_);
    stopped_ = true;
    wake();
}

void script_host::close() {
    stop();
    if (thread_.joinable()) thread_.join();
    if (wake_fd_ >= 0) ::close(std::exchange(wake_fd_, -1));
}

// --- by the thread -------------------------------------------------------------------------------

void script_host::work() {
    while (!is_stopped()) {
        step();
        wait();
    }
    process_.reset();
    std::vector<settlement> left;
    {
        const std::lock_guard lock(guard_);
        for (auto& [id, each] : waiting_) {
            left.push_back(
                {std::move(each), core::job_fault{errc::shutdown, {}, "the worker has stopped"}});
        }
        waiting_.clear();
    }
    settle(left);
}

bool script_host::is_stopped() {
    const std::lock_guard lock(guard_);
    return stopped_;
}

void script_host::step() {
    std::vector<settlement> done;
    core::script_effects effects;
    {
        const std::lock_guard lock(guard_);
        runs_.advance_to(net::clock_now(), effects_);
        effects = std::exchange(effects_, {});
        for (auto& each : effects.done) {
            const auto found = waiting_.find(each.id);
            if (found == waiting_.end()) continue;
            done.push_back({std::move(found->second), callback_desk::outcome{}});
            waiting_.erase(found);
            std::visit([&](auto& with) { done.back().with = std::move(with); }, each.outcome);
        }
    }
    settle(done);
    apply(effects);
}

void script_host::settle(std::vector<settlement>& all) const {
    for (auto& each : all) {
        if (auto* given = std::get_if<core::job_value>(&each.with)) {
            auto result = each.of.convert->result(given->payload.view());
            if (result) {
                given->payload = std::move(result).value();
            } else {
                each.with = core::job_fault{result.why().code, {}, result.why().message};
            }
        }
        each.of.desk->settle(*each.of.call, std::move(each.with), "a script");
    }
    if (!all.empty() && on_settled_) on_settled_();
}

void script_host::apply(core::script_effects& effects) {
    to_send_.append(effects.send.view());
    if (effects.kill) lose_process();
    if (effects.start) start();
    if (process_ && !process_->send(to_send_)) lose_process();
}

void script_host::start() {
    core::job_fault why{errc::resource_exhausted, helper_name, {}};
    came_ = {};
    broken_.clear();
    try {
        process_ = std::make_unique<net::helper_process>(
            program_,
            std::vector<std::string>{"--socket", std::to_string(net::helper_process::socket),
                                     "--memory", std::to_string(limits_.memory_bytes), "--stack",
                                     std::to_string(limits_.stack_bytes)},
            // The cage reserves what RLIMIT_DATA could not tell from what is used; and the collector is to
            // think of what it may take, not of what the machine has.
            std::vector<std::string>{"GIGACAGE_ENABLED=0",
                                     "JSC_forceRAMSize=" + std::to_string(limits_.memory_bytes),
                                     "TZ=UTC", "LC_ALL=C.UTF-8"});
        return;
    } catch (const error& failed) {
        why.text = failed.what();
    }
    const std::lock_guard lock(guard_);
    runs_.ended(why, net::clock_now(), effects_);
    wake();
}

// It has ended, or is to.
void script_host::lose_process() {
    if (!process_) return;
    auto why = fault_of(process_->end(), limits_);
    if (!broken_.empty()) why = {errc::resource_exhausted, helper_name, broken_};
    process_.reset();
    to_send_ = {};
    const std::lock_guard lock(guard_);
    runs_.ended(why, net::clock_now(), effects_);
    wake();
}

void script_host::wait() {
    const base::instant now = net::clock_now();
    base::instant next;
    {
        const std::lock_guard lock(guard_);
        next = runs_.next_deadline();
    }
    int timeout = -1;
    if (next != base::never) {
        const auto ms = std::chrono::ceil<std::chrono::milliseconds>(next - now).count();
        timeout = static_cast<int>(std::clamp<std::int64_t>(ms, 0, 3'600'000));
    }
    pollfd all[2] = {{wake_fd_, POLLIN, 0}, {-1, POLLIN, 0}};
    if (process_) {
        all[1].fd = process_->fd();
        if (!to_send_.empty()) all[1].events |= POLLOUT;
    }
    if (::poll(all, 2, timeout) <= 0) return;
    std::uint64_t count = 0;
    if ((all[0].revents & POLLIN) != 0) (void)!::read(wake_fd_, &count, sizeof count);
    if ((all[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) take_answers();
}

void script_host::take_answers() {
    const bool is_there = process_->receive(came_);
    bool is_good = true;
    base::byte_view left = came_.view();
    std::unique_lock lock(guard_);
    while (const auto bytes = wire::helper::message_bytes(left)) {
        is_good = *bytes <= answer_bytes_max_;
        if (!is_good || *bytes > left.size()) break;
        auto read = wire::helper::decode_answer(left.first(*bytes));
        left = left.subspan(*bytes);
        if (read && std::holds_alternative<wire::helper::broken>(read.value())) {
            broken_ = std::get<wire::helper::broken>(read.value()).why;
        }
        std::optional<wire::helper::answer> with;
        if (read) with = std::move(read).value();
        runs_.answered(std::move(with), net::clock_now(), effects_);
    }
    lock.unlock();
    if (left.size() != came_.size())
        came_ = base::buffer(left);  // a large one comes in many pieces
    if (!is_there || !is_good) lose_process();
}

}  // namespace maus::shell
