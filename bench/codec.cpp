#include "bench/codec.hpp"

#include <maus/wire/archive.hpp>

#include <malloc.h>

#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/vector.hpp>
#include <cstring>
#include <map>
#include <stdexcept>
#include <streambuf>

#include "bench/commands.hpp"

namespace bench {

namespace {

struct order {
    std::uint64_t number = 0;
    std::string customer;
    std::vector<std::int32_t> articles;
    std::map<std::string, double> prices;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(number, customer, articles, prices);
    }
};

// Streams over memory, so that cereal is not charged for a copy that its user can avoid.
struct memory_in : std::streambuf {
    explicit memory_in(std::string_view bytes) {
        auto* begin = const_cast<char*>(bytes.data());
        setg(begin, begin, begin + bytes.size());
    }
};
struct memory_out : std::streambuf {
    explicit memory_out(std::string& to) { setp(to.data(), to.data() + to.size()); }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(pptr() - pbase()); }
};

// The compiler must believe that somebody looks at it.
template <class T>
void look_at(const T& what) {
    asm volatile("" : : "r"(&what) : "memory");
}

// Does it again and again; one sample.
template <class Work>
std::function<sample()> timed_loop(const plan& how, std::size_t bytes, Work work) {
    return [&how, bytes, work]() mutable {
        double took = 0, rounds = 0;
        const double begun = now_s();
        for (double batch = 1; took < how.seconds; batch *= 2) {
            for (double i = 0; i < batch; ++i) work();
            rounds += batch;
            took = now_s() - begun;
        }
        const double each = took / rounds;
        return sample{{"gb_per_s", static_cast<double>(bytes) / each / 1e9}, {"ns", each * 1e9}};
    };
}

template <class T>
void measure_value(const plan& how, const std::string& what, const T& value,
                   std::vector<figure>& to) {
    maus::base::buffer encoded;
    maus::wire::encode(encoded, value);
    const std::size_t bytes = encoded.size();
    const std::string source(bytes, 'x');
    std::string target(bytes, 'y');
    const auto copy = timed_loop(how, bytes, [&] {
        std::memcpy(target.data(), source.data(), bytes);
        look_at(target);
    });

    std::string cereal_bytes(bytes * 3 + 1024, '\0');
    const auto cereal_out = [&] {
        memory_out stream(cereal_bytes);
        std::ostream out(&stream);
        cereal::PortableBinaryOutputArchive{out}(value);
        look_at(cereal_bytes);
        return stream.size();
    };
    const std::size_t cereal_size = cereal_out();
    const auto cereal_in = [&] {
        memory_in stream(std::string_view(cereal_bytes).substr(0, cereal_size));
        std::istream in(&stream);
        T made;
        cereal::PortableBinaryInputArchive{in}(made);
        look_at(made);
    };
    const auto encode = [&] {
        maus::base::buffer out;
        maus::wire::encode(out, value);
        look_at(out);
    };
    const auto decode = [&] {
        const auto made = maus::wire::decode<T>(encoded.view());
        if (!made) throw std::logic_error("what was encoded does not decode");
        look_at(made);
    };
    const auto add = [&](const std::string& name, const auto& ours, const auto& cereals) {
        const auto figures =
            side_by_side(how, timed_loop(how, bytes, ours),
                         {{name, copy}, {name + ".cereal", timed_loop(how, bytes, cereals)}});
        to.insert(to.end(), figures.begin(), figures.end());
    };
    add("codec.encode." + what, encode, [&] { (void)cereal_out(); });
    add("codec.decode." + what, decode, cereal_in);
}

}  // namespace

std::vector<figure> measure_codec(const plan& asked) {
    // A new vector gets memory that an older one gave back, as in any program that has run for a
    // while. Else it is a matter of luck whether the allocator has given it back to the kernel
    // meanwhile, and the page faults weigh more than the copy.
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    plan how = asked;
    how.seconds /= 5;  // it repeats well
    std::vector<figure> all;
    measure_value(how, "int", 42, all);
    measure_value(how, "string_100B", std::string(100, 'x'), all);
    order some{7, "somebody", {1, 2, 3, 4, 5, 6, 7, 8}, {}};
    for (int i = 0; i < 8; ++i) some.prices["article " + std::to_string(i)] = i;
    measure_value(how, "record", some, all);
    measure_value(how, "vector_string_1000", std::vector<std::string>(1000, "some words"), all);
    measure_value(how, "vector_double_1MiB", std::vector<double>((1 << 20) / 8, 1.5), all);
    return all;
}

command add_codec(CLI::App& to) {
    auto how = std::make_shared<plan>();
    add_benchmark(to, *how, "codec",
                  "Values to bytes and back, beside memcpy and cereal's portable_binary",
                  "  maus-bench codec\n"
                  "  maus-bench codec --seconds 2 --json codec.json\n\n"
                  "memcpy copies as many bytes into memory that is there already.");
    return [how] {
        return run_benchmark(*how, "codec",
                             [](const plan& now, report& out) { out.add(measure_codec(now)); });
    };
}

}  // namespace bench
