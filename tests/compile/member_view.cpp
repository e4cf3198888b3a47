// maus: a std::string_view owns no text: use std::string
#include <maus/maus.hpp>
struct entry {
    std::string_view text;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(text);
    }
};
void wrong(maus::worker& worker) {
    worker.expose("f", [](const entry& of) { return of.text.size(); });
}
