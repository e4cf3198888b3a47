#include "maus/shell/stream_runs.hpp"

#include <algorithm>

#include "maus/base/forced_unwind.hpp"
#include "maus/net/clock.hpp"
#include "maus/shell/program_code.hpp"
#include "maus/wire/call_extensions.hpp"
#include "maus/wire/streams.hpp"

namespace maus::shell {

namespace {
// A stream that does not hold a slot lets others have its thread after so many items.
constexpr std::uint32_t items_a_turn = 256;
// One in a program's own loop keeps the worker from sending and from its heartbeats.
constexpr base::duration hosted_turn = std::chrono::milliseconds{10};

core::item_credit credit_of(const core::job& job) {
    if (!job.extensions) return {};
    const auto read = wire::decode_call_extensions(job.extensions->view(), {});
    return read && read->stream ? core::item_credit(*read->stream) : core::item_credit{};
}
}  // namespace

// --- one of them ---------------------------------------------------------------------------------

stream_run::stream_run(core::job job, const call_services& with, stream_runs& among)
    : job_(std::move(job)),
      with_(with),
      among_(among),
      call_(std::in_place, job_, with),
      credit_(credit_of(job_)) {}

MAUS_CATCHES_FORCED_UNWIND bool stream_run::next(base::buffer* into, bool& failed) {
    try {
        const running_call::scope here(*call_);
        return source_->next(into);
    } catch (const abi::__forced_unwind&) {
        call_->fault(errc::remote_exception, "pthread_exit", "the function ended its thread");
        finish(false);
        throw;
    } catch (...) {
        auto [type, text] = describe(detail::caught());
        call_->fault(errc::remote_exception, std::move(type), std::move(text));
        failed = true;
        return false;
    }
}

void stream_run::run() {
    const auto alive = shared_from_this();
    if (!source_) return finish(false);  // it failed before it gave any
    turn_ends_ = with_.callbacks->drives() ? net::clock_now() + hosted_turn : base::never;
    for (step now = take_step();; now = take_step()) {
        if (now == step::waits) return;
        if (now == step::is_over) return finish(true);
        bool failed = false, skips = false;
        {
            const std::lock_guard lock(guard_);
            skips = credit_.take_skip();
        }
        base::buffer item;
        if (!next(skips ? nullptr : &item, failed)) return finish(false);
        if (!skips) note(std::move(item));
    }
}

// Whether it goes on.
stream_run::step stream_run::take_step() {
    const std::lock_guard lock(guard_);
    if (cancelled_) return step::is_over;
    if (!credit_.skips() && !credit_.any()) {
        parked_ = true;
        // Under the lock: what comes after it is to come after it.
        if (!std::exchange(detached_, true)) {
            with_.completions->put(core::job_detached{job_.link, job_.attempt});
        }
        return step::waits;
    }
    if (turn_ends_ != base::never && net::clock_now() >= turn_ends_) {
        go_behind_others();
        return step::waits;
    }
    if (detached_ && ++since_yield_ >= items_a_turn) {
        since_yield_ = 0;
        if (!among_.threads_.idle()) {
            go_behind_others();
            return step::waits;
        }
    }
    return step::goes_on;
}

void stream_run::go_behind_others() {
    std::vector<core::job> behind_others;
    behind_others.push_back(resumption());
    among_.threads_.add(behind_others);
}

void stream_run::note(base::buffer&& item) {
    const std::size_t batch_bytes_max = with_.worker.settings.limits.batch_bytes_max;
    const std::lock_guard lock(guard_);
    credit_.spend(item.size());
    const bool was_empty = ready_.empty();
    const bool fits = !was_empty && ready_.back().payload.size() + item.size() <= batch_bytes_max;
    if (!fits) ready_.push_back({job_.link, job_.attempt, 0, {}});
    wire::add_item(ready_.back().payload, ready_.back().count, std::move(item));
    if (was_empty) with_.completions->put(items_ready{shared_from_this()});
}

void stream_run::finish(bool was_cancelled) {
    {
        const running_call::scope here(*call_);
        source_.reset();
    }
    core::job_done done = call_->done();
    call_.reset();
    among_.leave(job_);
    if (was_cancelled) done.outcome = core::job_fault{errc::cancelled, {}, "it was cancelled"};
    const std::lock_guard lock(guard_);
    done.was_detached = detached_;
    with_.completions->put(std::move(done));
}

bool stream_run::more(std::uint32_t items, std::uint64_t bytes) {
    const std::lock_guard lock(guard_);
    credit_.add(items, bytes);
    return credit_.any() && std::exchange(parked_, false);
}

bool stream_run::cancel() {
    const std::lock_guard lock(guard_);
    cancelled_ = true;
    return std::exchange(parked_, false);
}

core::job stream_run::resumption() const {
    core::job made;
    made.link = job_.link;
    made.attempt = job_.attempt;
    made.function = job_.function;
    made.resumes = true;
    return made;
}

std::vector<core::job_items> stream_run::take_ready() {
    const std::lock_guard lock(guard_);
    return std::exchange(ready_, {});
}

// --- all -----------------------------------------------------------------------------------------

void stream_runs::expect(const core::job& job) {
    const std::lock_guard lock(guard_);
    expected_.emplace(key{job.link, job.attempt}, before{});
}

void stream_runs::expect_no_more(const core::job& job) {
    const std::lock_guard lock(guard_);
    expected_.erase({job.link, job.attempt});
}

std::shared_ptr<stream_run> stream_runs::enter(core::job job) {
    auto made = std::make_shared<stream_run>(std::move(job), with_, *this);
    const std::lock_guard lock(guard_);
    const key its{made->job().link, made->job().attempt};
    if (const auto found = expected_.find(its); found != expected_.end()) {
        if (found->second.items != 0 || found->second.bytes != 0) {
            (void)made->more(found->second.items, found->second.bytes);
        }
        if (found->second.cancelled) (void)made->cancel();
        expected_.erase(found);
    }
    all_.insert_or_assign(its, made);
    return made;
}

std::shared_ptr<stream_run> stream_runs::find(const key& which) {
    const std::lock_guard lock(guard_);
    const auto found = all_.find(which);
    return found == all_.end() ? nullptr : found->second;
}

void stream_runs::leave(const core::job& job) {
    const std::lock_guard lock(guard_);
    all_.erase({job.link, job.attempt});
}

void stream_runs::go_on(const core::job& resumed) {
    if (const auto found = find({resumed.link, resumed.attempt})) found->run();
}

void stream_runs::more(std::uint64_t link, const std::vector<wire::more>& grants,
                       std::vector<core::job>& jobs) {
    for (const auto& each : grants) {
        std::shared_ptr<stream_run> found;
        {
            const std::lock_guard lock(guard_);
            if (const auto waits = expected_.find({link, each.of}); waits != expected_.end()) {
                auto& its = waits->second;
                its.items += std::min(each.items, ~its.items);
                its.bytes += std::min(each.bytes, ~its.bytes);
                continue;
            }
            const auto runs = all_.find({link, each.of});
            if (runs != all_.end()) found = runs->second;
        }
        if (found && found->more(each.items, each.bytes)) jobs.push_back(found->resumption());
    }
}

void stream_runs::cancel(std::uint64_t link, const std::vector<wire::attempt>& cancels,
                         std::vector<core::job>& jobs) {
    for (const auto& each : cancels) {
        std::shared_ptr<stream_run> found;
        {
            const std::lock_guard lock(guard_);
            if (const auto waits = expected_.find({link, each}); waits != expected_.end()) {
                waits->second.cancelled = true;
                continue;
            }
            const auto runs = all_.find({link, each});
            if (runs != all_.end()) found = runs->second;
        }
        if (found && found->cancel()) jobs.push_back(found->resumption());
    }
}

void stream_runs::keep_only(std::uint64_t link, std::vector<core::job>& jobs) {
    std::vector<std::shared_ptr<stream_run>> others;
    {
        const std::lock_guard lock(guard_);
        for (auto& [which, each] : expected_) {
            if (which.first != link) each.cancelled = true;
        }
        for (const auto& [which, each] : all_) {
            if (which.first != link) others.push_back(each);
        }
    }
    for (const auto& each : others) {
        if (each->cancel()) jobs.push_back(each->resumption());
    }
}

void stream_runs::clear() {
    std::map<key, std::shared_ptr<stream_run>> left;
    const std::lock_guard lock(guard_);
    left.swap(all_);
    expected_.clear();
}

}  // namespace maus::shell
