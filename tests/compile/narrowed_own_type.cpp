// maus: an argument may lose its value on the way to its parameter
#include <maus/maus.hpp>
struct celsius {
    celsius(int of = 0) : degrees(of) {}
    int degrees;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(degrees);
    }
};
void wrong(const maus::worker_group& workers) {
    (void)workers.call(maus::method<int(celsius)>{"f"}, 1.7);
}
