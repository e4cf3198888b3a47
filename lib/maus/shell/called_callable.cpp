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
    return {asked.link, asked.attempt, asked.which, {}, asked.bytes, std::nullopt};
}
wire::fault fault_of(errc code, std::string type, std::string text) {
    return {static_cast<std::uint8_t>(code), std::move(type), std::move(text)};
}

/// Given once; by whoever has it last, if nobody did.
class callable_reply final : public detail::reply {
public:
    callable_reply(core::answer_callback blank, std::function<void(core::answer_callback)> answer)
        : blank_(std::move(blank)), answer_(std::move(answer)) {}
    ~callable_reply() override {
        callable_reply::fault(errc::remote_exception, "maus::responder",
                              "the callable let go of its responder without an answer");
    }
    void value(base::buffer payload) override { give(std::move(payload), std::nullopt); }
    using reply::fault;
    void fault(errc code, std::string type, std::string text) override {
        give({}, fault_of(code, std::move(type), std::move(text)));
    }

private:
    void give(base::buffer payload, std::optional<wire::fault> failed) {
        {
            const std::lock_guard lock(guard_);
            if (std::exchange(given_, true)) return;
        }
        blank_.payload = std::move(payload);
        blank_.failed = std::move(failed);
        answer_(std::move(blank_));
    }

    std::mutex guard_;
    bool given_ = false;
    core::answer_callback blank_;
    std::function<void(core::answer_callback)> answer_;
};

class callable_run final : public detail::invocation {
public:
    callable_run(core::called_back& asked, std::string manager,
                 std::shared_ptr<callable_reply> reply)
        : asked_(asked), manager_(std::move(manager)), reply_(std::move(reply)) {}

    [[nodiscard]] base::buffer& arguments() override { return asked_.payload; }
    [[nodiscard]] base::buffer& value() override { return value_; }
    void fault(errc code, std::string type, std::string text) override {
        fault_ = fault_of(code, std::move(type), std::move(text));
    }
    [[nodiscard]] std::shared_ptr<detail::reply> defer() override {
        deferred_ = true;
        return reply_;
    }
    [[nodiscard]] maus::context context() override {
        core::job of;
        of.attempt = asked_.attempt;
        of.lease = asked_.lease;
        maus::fence fence{manager_,
                          asked_.attempt.call.value,
                          asked_.attempt.number.value,
                          to_string(asked_.worker),
                          asked_.incarnation.value,
                          asked_.lease.epoch,
                          asked_.lease.sequence};
        return maus::context(std::make_shared<context_state>(
            of, std::move(fence), std::stop_token{}, std::make_shared<completion_sink>()));
    }
    [[nodiscard]] std::shared_ptr<detail::function_calls> functions() override { return nullptr; }
    // A function<R(A)> gives no stream.
    void give(std::unique_ptr<detail::item_source>) override {}

    MAUS_CATCHES_FORCED_UNWIND void run(const detail::handler& callable) {
        try {
            callable(*this);
        } catch (const abi::__forced_unwind&) {
            reply_->fault(errc::remote_exception, "pthread_exit", "the callable ended its thread");
            throw;
        } catch (...) {
            auto [type, text] = describe(detail::caught());
            fault(errc::remote_exception, std::move(type), std::move(text));
        }
        if (fault_) {
            reply_->fault(static_cast<errc>(fault_->error), fault_->type, fault_->text);
        } else if (!deferred_) {
            reply_->value(std::move(value_));
        }
    }

private:
    core::called_back& asked_;
    std::string manager_;
    std::shared_ptr<callable_reply> reply_;
    base::buffer value_;
    std::optional<wire::fault> fault_;
    bool deferred_ = false;
};

}  // namespace

std::unique_ptr<base::task> run_of_callable(core::called_back asked,
                                            std::shared_ptr<detail::call_functions> of,
                                            std::string manager,
                                            std::function<void(core::answer_callback)> answer) {
    // It answers also if the task is dropped.
    auto reply = std::make_shared<callable_reply>(answer_to(asked), std::move(answer));
    return base::make_task([asked = std::move(asked), of = std::move(of),
                            manager = std::move(manager), reply = std::move(reply)]() mutable {
        if (of->closed) {
            return reply->fault(errc::cancelled, {}, "nobody waits for this call");
        }
        const in_callable here;
        const auto callable = of->callables.at(asked.which.function);
        callable_run(asked, std::move(manager), std::move(reply)).run(*callable);
    });
}

core::answer_callback refusal_of(const core::called_back& asked, errc code, std::string why) {
    auto answer = answer_to(asked);
    answer.failed = fault_of(code, {}, std::move(why));
    return answer;
}

}  // namespace maus::shell
