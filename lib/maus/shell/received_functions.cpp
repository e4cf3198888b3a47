#include "maus/shell/received_functions.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "maus/base/forced_unwind.hpp"
#include "maus/net/clock.hpp"
#include "maus/shell/exception_text.hpp"

namespace maus::shell {

namespace {

using state = detail::state_ref<detail::state_base>;

/// The answer of a named function that is given later.
class named_reply final : public detail::reply {
public:
    named_reply(std::shared_ptr<callback_desk> desk, state call)
        : desk_(std::move(desk)), call_(std::move(call)) {}
    ~named_reply() override {
        if (!answered_) {
            named_reply::fault(errc::remote_exception, "maus::responder",
                               "the function let go of its responder without an answer");
        }
    }
    void value(base::buffer payload) override { answer(core::job_value{std::move(payload)}); }
    using reply::fault;
    void fault(errc code, std::string type, std::string text) override {
        answer(core::job_fault{code, std::move(type), std::move(text)});
    }

private:
    void answer(callback_desk::outcome&& outcome) {
        if (!answered_.exchange(true)) desk_->settle(*call_, std::move(outcome));
    }
    std::shared_ptr<callback_desk> desk_;
    state call_;
    std::atomic<bool> answered_{false};
};

/// One call of a named function, on the thread that calls it.
class named_call final : public detail::invocation {
public:
    named_call(detail::state_base& call, std::shared_ptr<callback_desk> desk,
               const maus::context& context, std::shared_ptr<detail::function_calls> functions,
               std::shared_ptr<const exposed_functions> exposed)
        : call_(&call),
          desk_(std::move(desk)),
          context_(context),
          functions_(std::move(functions)),
          exposed_(std::move(exposed)),
          arguments_(std::move(call.arguments())) {}

    [[nodiscard]] base::buffer& arguments() override { return arguments_; }
    [[nodiscard]] base::buffer& value() override {
        return std::get<core::job_value>(outcome_).payload;
    }
    void fault(errc code, std::string type, std::string text) override {
        outcome_ = core::job_fault{code, std::move(type), std::move(text)};
    }
    [[nodiscard]] std::shared_ptr<detail::reply> defer() override {
        if (!later_) later_ = std::make_shared<named_reply>(desk_, call_);
        return later_;
    }
    [[nodiscard]] maus::context context() override { return context_; }
    [[nodiscard]] std::shared_ptr<detail::function_calls> functions() override {
        return functions_;
    }
    [[nodiscard]] std::shared_ptr<const void> function() const override { return exposed_; }
    // A function<R(A)> gives no stream.
    void give(std::unique_ptr<detail::item_source>) override {}

    MAUS_CATCHES_FORCED_UNWIND void run(const detail::handler& function) {
        const current_call::scope its(context_.share().get());
        try {
            function(*this);
        } catch (const abi::__forced_unwind&) {
            fault(errc::remote_exception, "pthread_exit", "the function ended its thread");
            finish();
            throw;
        } catch (...) {
            auto [type, text] = describe(detail::caught());
            fault(errc::remote_exception, std::move(type), std::move(text));
        }
        finish();
    }

private:
    void finish() {
        auto* const threw = std::get_if<core::job_fault>(&outcome_);
        if (!later_) {
            desk_->settle(*call_, std::move(outcome_));
        } else if (threw != nullptr) {
            later_->fault(threw->code, std::move(threw->type), std::move(threw->text));
        }
    }

    state call_;
    std::shared_ptr<callback_desk> desk_;
    maus::context context_;
    std::shared_ptr<detail::function_calls> functions_;
    std::shared_ptr<const exposed_functions> exposed_;
    base::buffer arguments_;
    callback_desk::outcome outcome_{core::job_value{}};
    std::shared_ptr<named_reply> later_;
};

}  // namespace

received_functions::received_functions(running_call& with, const call_services& services)
    : by_{with.job().link, with.job().attempt, with.job().deadline, with.job().nested},
      desk_(services.callbacks),
      exposed_(services.exposed),
      host_(services.scripts),
      scripts_(with.job().scripts),
      context_(with.context()) {}

void received_functions::call(const detail::reference& to, const std::string& signature,
                              detail::state_base& call, std::chrono::nanoseconds timeout) {
    if (to.kind == detail::reference::kind_of::named) return call_named(signature, call);
    if (to.kind == detail::reference::kind_of::script) {
        return call_script(to.script, signature, call, timeout);
    }
    desk_->ask(by_, to.number, call, timeout);
}

void received_functions::check_wait(const detail::reference& to) {
    if (to.kind != detail::reference::kind_of::named) desk_->check_wait();
}

void received_functions::call_named(const std::string& signature, detail::state_base& call) {
    call.own(desk_);
    call.nested() = by_.nested ? 2 : 1;
    const auto& all = exposed_->signatures;
    const auto found = std::find(all.begin(), all.end(), signature);
    // The reference that the owner got.
    named_call runs(call, desk_, context_, shared_from_this(), exposed_);
    if (found == all.end()) {
        return desk_->settle(
            call,
            core::job_fault{errc::no_such_function, {}, "this worker exposes no " + signature});
    }
    runs.run(exposed_->handlers[static_cast<std::size_t>(found - all.begin())]);
}

void received_functions::call_script(const base::script_id& which, const std::string& signature,
                                     detail::state_base& call, std::chrono::nanoseconds timeout) {
    call.own(desk_);
    call.nested() = by_.nested ? 2 : 1;
    const auto fail = [&](errc code, std::string text) {
        const state mine(&call);  // the reference that the owner got
        desk_->settle(call, core::job_fault{code, {}, std::move(text)}, "a script");
    };
    if (!host_) return fail(errc::unimplemented, "this worker runs no scripts");
    auto script = scripts_ ? scripts_->find(which) : nullptr;
    if (!script) {
        return fail(errc::no_such_function, "this worker does not know the text of the script");
    }
    if (script->language != "javascript") {
        return fail(errc::unimplemented, "this worker runs no scripts in " + script->language);
    }
    base::instant deadline = by_.deadline;
    if (timeout != base::duration::max()) {
        deadline = std::min(deadline, base::after(net::clock_now(), timeout));
    }
    host_->run(by_.link, std::move(script), signature, deadline, call, desk_);
}

}  // namespace maus::shell
