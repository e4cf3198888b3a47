// A job that can be spread over workers, as spread.hpp sees it: calls that may be made in any order,
// and answers that are added up. Those that there are: wordcount.cpp, and
// all that end in _job.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <maus/manager.hpp>

namespace demo {

/// Who answered a call. A member `by` of every answer.
struct doer {
    std::string worker;
    std::string host;
    std::int64_t pid = 0;

    template <class Archive>
    void serialize(Archive& archive) {
        archive(worker, host, pid);
    }
};

class job {
public:
    /// Adds an answer up and tells whose it is; throws what the call failed with.
    using addition = std::function<doer()>;
    /// Brings an addition to the thread that carries it out. May be called from any thread.
    using messenger = std::function<void(addition)>;

    job() = default;
    job(const job&) = delete;
    job& operator=(const job&) = delete;
    virtual ~job() = default;

    [[nodiscard]] virtual std::string title() const = 0;  ///< of the progress: "counting"
    [[nodiscard]] virtual std::size_t calls() const = 0;
    /// How much there is to do in one call, in any unit that is the same for all.
    [[nodiscard]] virtual std::uint64_t size_of(std::size_t call) const = 0;
    /// How the progress shows such a size: "1.2 MB".
    [[nodiscard]] virtual std::string size_text(std::uint64_t size) const = 0;
    virtual void make(std::size_t call, maus::worker_group& workers, messenger bring) = 0;

    [[nodiscard]] std::uint64_t size() const {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < calls(); ++i) sum += size_of(i);
        return sum;
    }
};

/// For a job's make(): when `asked` is answered, `add(answer)` is brought.
template <class Answer, class Add>
void bring_when_ready(maus::future<Answer> asked, job::messenger bring, Add add) {
    (void)std::move(asked).then([bring = std::move(bring), add](maus::future<Answer> ready) {
        try {
            bring([add, answer = std::make_shared<Answer>(ready.get())] {
                add(*answer);
                return answer->by;
            });
        } catch (...) {
            bring(
                [failed = std::current_exception()]() -> doer { std::rethrow_exception(failed); });
        }
    });
}

}  // namespace demo
