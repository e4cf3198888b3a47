#include "maus/shell/called_callable.hpp"

#include <mutex>
#include <optional>
#include <utility>

#include "maus/base/forced_unwind.hpp"
#include "maus/shell/context_state.hpp"
#include "maus/shell/exception_text.hpp"

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

// It answers also if it is dropped.
class callable_run final : public base::task, public detail::invocation {
public:
    callable_run(core::called_back asked, std::shared_ptr<detail::call_functions> of,
                 std::shared_ptr<const callable_home> home)
        : asked_(std::move(asked)), of_(std::move(of)), home_(std::move(home)) {}
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
    [[nodiscard]] maus::context context() override {
        core::job of;
        of.attempt = asked_.attempt;
        of.lease = asked_.lease;
        maus::fence fence{
            home_->manager,           asked_.attempt.call.value, asked_.attempt.number.value,
            to_string(asked_.worker), asked_.incarnation.value,  asked_.lease.epoch,
            asked_.lease.sequence};
        return maus::context(std::make_shared<context_state>(
            of, std::move(fence), std::stop_token{}, std::make_shared<completion_sink>()));
    }
    [[nodiscard]] std::shared_ptr<detail::function_calls> functions() override { return nullptr; }
    [[nodiscard]] std::shared_ptr<const void> function() const override { return of_; }
    // A function<R(A)> gives no stream.
    void give(std::unique_ptr<detail::item_source>) override {}

    MAUS_CATCHES_FORCED_UNWIND void run() override {
        if (of_->closed) {
            return give({}, fault_of(errc::cancelled, {}, "nobody waits for this call"));
        }
        const in_callable here;
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
    std::shared_ptr<detail::call_functions> of_;
    std::shared_ptr<const callable_home> home_;
    std::shared_ptr<later_answer> later_;
    base::buffer value_;
    std::optional<wire::fault> fault_;
    bool given_ = false;
};

}  // namespace

std::unique_ptr<base::task> run_of_callable(core::called_back asked,
                                            std::shared_ptr<detail::call_functions> of,
                                            std::shared_ptr<const callable_home> home) {
    return std::make_unique<callable_run>(std::move(asked), std::move(of), std::move(home));
}

core::answer_callback refusal_of(const core::called_back& asked, errc code, std::string why) {
    auto answer = answer_to(asked);
    answer.failed = fault_of(code, {}, std::move(why));
    return answer;
}

}  // namespace maus::shell
