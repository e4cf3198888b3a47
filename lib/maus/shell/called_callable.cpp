#include "maus/shell/called_callable.hpp"

#include <mutex>
#include <optional>
#include <utility>

#include "maus/base/forced_unwind.hpp"
#include "maus/net/clock.hpp"
#include "maus/shell/context_state.hpp"
#include "maus/shell/exception_text.hpp"
#include "maus/wire/feature.hpp"

namespace maus::shell {

namespace {

core::answer_callback answer_to(const core::called_back& asked) {
    return {asked.link, asked.attempt, asked.which, {}, asked.slot, std::nullopt};
}
wire::fault fault_of(errc code, std::string type, std::string text) {
    return {static_cast<std::uint8_t>(code), std::move(type), std::move(text)};
}
wire::fault let_go() {
    return fault_of(errc::remote_exception, "maus::responder",
                    "the callable let go of its responder without an answer");
}

/// An answer that is given later. Given once; by whoever has it last, if nobody did.
class later_answer final : public detail::reply {
public:
    later_answer(core::answer_callback blank, std::shared_ptr<const callable_home> home)
        : blank_(std::move(blank)), home_(std::move(home)) {}
    ~later_answer() override {
        if (!given_) give({}, let_go());
    }
    void value(base::buffer payload) override { give(std::move(payload), std::nullopt); }
    using reply::fault;
    void fault(errc code, std::string type, std::string text) override {
        give({}, fault_of(code, std::move(type), std::move(text)));
    }
    void give(base::buffer payload, std::optional<wire::fault> failed) {
        {
            const std::lock_guard lock(guard_);
            if (std::exchange(given_, true)) return;
        }
        blank_.payload = std::move(payload);
        blank_.failed = std::move(failed);
        home_->answer(std::move(blank_));
    }

private:
    std::mutex guard_;
    bool given_ = false;
    core::answer_callback blank_;
    std::shared_ptr<const callable_home> home_;
};

/// What a callable knows of the call that it came with.
struct callable_context final : context_state {
    callable_context(maus::fence its, std::shared_ptr<detail::call_functions> of)
        : context_state(std::move(its), of->stop_token(), of->deadline), of_(std::move(of)) {
        label = of_->label;
        trace = of_->trace;
    }

private:
    void tell(maus::progress how_far) override { of_->progressed(std::move(how_far)); }

    std::shared_ptr<detail::call_functions> of_;
};

// It answers also if it is dropped.
class callable_run final : public base::task, public detail::invocation, public current_call {
public:
    callable_run(core::called_back asked, in_callable::depth depth,
                 std::shared_ptr<detail::call_functions> of,
                 std::shared_ptr<const callable_home> home)
        : asked_(std::move(asked)), depth_(depth), of_(std::move(of)), home_(std::move(home)) {}
    callable_run(const callable_run&) = delete;
    callable_run& operator=(const callable_run&) = delete;
    ~callable_run() override {
        if (!later_ && !given_) give({}, let_go());
    }

    [[nodiscard]] base::buffer& arguments() override { return asked_.payload; }
    [[nodiscard]] base::buffer& value() override { return value_; }
    void fault(errc code, std::string type, std::string text) override {
        fault_ = fault_of(code, std::move(type), std::move(text));
    }
    [[nodiscard]] std::shared_ptr<detail::reply> defer() override {
        if (!later_) later_ = std::make_shared<later_answer>(answer_to(asked_), home_);
        return later_;
    }
    [[nodiscard]] maus::context context() override { return maus::context(known()); }
    [[nodiscard]] std::shared_ptr<context_state> known() override {
        if (!known_) known_ = std::make_shared<callable_context>(its_fence(), of_);
        return known_;
    }
    [[nodiscard]] maus::fence its_fence() const override {
        return {home_->manager,           asked_.attempt.call.value, asked_.attempt.number.value,
                to_string(asked_.worker), asked_.incarnation.value,  asked_.lease.epoch,
                asked_.lease.sequence};
    }
    void pass_on(detail::call_policy& to) const override {
        context_state::pass_on(of_->deadline, of_->trace, to);
    }
    [[nodiscard]] std::shared_ptr<detail::function_calls> functions() override { return nullptr; }
    [[nodiscard]] std::shared_ptr<const void> function() const override { return of_; }
    // A function<R(A)> gives no stream.
    void give(std::unique_ptr<detail::item_source>) override {}

    MAUS_CATCHES_FORCED_UNWIND void run() override {
        if (of_->closed) {
            return give({}, fault_of(errc::cancelled, {}, "nobody waits for this call"));
        }
        const in_callable here(depth_);
        const current_call::scope its(this);
        try {
            (*of_->callables.at(asked_.which.function))(*this);
        } catch (const abi::__forced_unwind&) {
            give({},
                 fault_of(errc::remote_exception, "pthread_exit", "the callable ended its thread"));
            throw;
        } catch (...) {
            auto [type, text] = describe(detail::caught());
            fault(errc::remote_exception, std::move(type), std::move(text));
        }
        if (fault_) {
            give({}, std::move(fault_));
        } else if (!later_) {
            give(std::move(value_), std::nullopt);
        }
    }

private:
    void give(base::buffer payload, std::optional<wire::fault> failed) {
        if (later_) return later_->give(std::move(payload), std::move(failed));
        if (std::exchange(given_, true)) return;
        auto answer = answer_to(asked_);
        answer.payload = std::move(payload);
        answer.failed = std::move(failed);
        home_->answer(std::move(answer));
    }

    core::called_back asked_;
    in_callable::depth depth_;
    std::shared_ptr<detail::call_functions> of_;
    std::shared_ptr<const callable_home> home_;
    std::shared_ptr<context_state> known_;  // none: nobody has asked
    std::shared_ptr<later_answer> later_;
    base::buffer value_;
    std::optional<wire::fault> fault_;
    bool given_ = false;
};

}  // namespace

std::unique_ptr<base::task> run_of_callable(core::called_back asked, in_callable::depth depth,
                                            std::shared_ptr<detail::call_functions> of,
                                            std::shared_ptr<const callable_home> home) {
    return std::make_unique<callable_run>(std::move(asked), depth, std::move(of), std::move(home));
}

core::answer_callback refusal_of(const core::called_back& asked, errc code, std::string why) {
    auto answer = answer_to(asked);
    answer.failed = fault_of(code, {}, std::move(why));
    return answer;
}

}  // namespace maus::shell

// --- what callables know of their call -----------------------------------------------------------

namespace maus::detail {

void call_functions::add(const std::shared_ptr<const script_source>& script) {
    if (!scripts) {
        scripts = std::make_shared<script_list>();
        needed.emplace_back(wire::feature_scripts);
    }
    scripts->add(script);
}

void call_functions::belong_to(state_base& call) {
    if (scripts) call.policy().make_tags().scripts = scripts;
    call_ = &call;
    deadline = base::after(net::clock_now(), call.policy().timeout);
    label = call.policy().label();
    if (call.policy().tags) trace = call.policy().tags->trace;
}

std::stop_token call_functions::stop_token() {
    const std::lock_guard lock(guard_);
    if (!stops_) stops_.emplace();
    if (closed) stops_->request_stop();
    return stops_->get_token();
}

void call_functions::progressed(progress how_far) {
    const std::lock_guard lock(guard_);
    if (call_ != nullptr) call_->progressed(std::move(how_far));
}

void call_functions::close() {
    std::optional<std::stop_source> stops;
    {
        const std::lock_guard lock(guard_);
        closed = true;
        call_ = nullptr;
        stops = stops_;
    }
    if (stops) stops->request_stop();
}

}  // namespace maus::detail
