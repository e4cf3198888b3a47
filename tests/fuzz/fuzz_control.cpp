// The decoder of control messages: any bytes are a message that says the same when it is encoded
// again, or a failure with a code and a reason that hurts no log; and no bytes make it ask for much
// memory.
#include "tests/fuzz/allocations.hpp"
#include "tests/fuzz/say.hpp"

using namespace fuzz;

namespace {

// Small, so that inputs reach them.
limits small_limits() {
    limits made;
    made.control_bytes_max = 512;
    made.functions_max = 3;
    made.endpoints_max = 2;
    made.text_bytes_max = 20;
    made.name_bytes_max = 30;
    made.peers_max = 2;
    made.features_max = 2;
    made.extensions_max = 3;
    return made;
}
const limits bounds = small_limits();

wire::message message_from(input& in) {
    if (in.one_in(2)) return raw(in, 1024);
    seen known;
    const auto kind = in.below(control_kinds);
    wire::message made = a_control_message(kind, in, known);
    while (in.one_in(3)) damage(made, in);
    return made;
}

void check_limits(const wire::control& read) {
    if (const auto* worker = std::get_if<wire::register_worker>(&read)) {
        require(!worker->worker.none(), "a worker has an id");
        require(wire::good_name(worker->type, bounds.name_bytes_max), "a type is a good name");
        require(worker->signatures.size() <= bounds.functions_max, "functions_max");
        require(worker->can.features.size() <= bounds.features_max, "features_max");
        require(worker->can.limits.size() <= wire::limit_entries_max, "64 limits");
        require(!(worker->free && worker->serving), "a worker that serves is not free");
    } else if (const auto* manager = std::get_if<wire::register_manager>(&read)) {
        require(!manager->manager.none(), "a manager has an id");
        require(manager->endpoints.size() <= bounds.endpoints_max, "endpoints_max");
    } else if (const auto* request = std::get_if<wire::request>(&read)) {
        require(!request->token.none(), "a request has a token");
        require(wire::good_name(request->type, bounds.name_bytes_max), "a type is a good name");
        require(request->held.size() <= bounds.peers_max, "no more held workers than peers_max");
    }
}

bool has_limits(const wire::control& read) {
    return std::visit(
        [](const auto& body) {
            if constexpr (requires { body.can; }) return body.can.limits.size() > 1;
            return false;
        },
        read);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{data, size};
    const wire::message what = message_from(in);
    const auto head = wire::read_header(what.first.view());
    if (!head) {
        require(!head.why().message.empty(), "a failure has a reason");
        return 0;
    }
    // The shells hand on only what is of this version and a control message.
    if (head.value().version != wire::version) return 0;

    const allocations made;
    wire::extensions extended;
    const auto read = wire::decode_control(what, bounds, &extended);
    require(made.bytes() <= wire::budget_base_bytes + 2 * wire::budget_per_byte * what.bytes(),
            "decoding asks for little memory");
    if (!read) {
        require(wire::good_name(read.why().message, 4000), "a failure's reason is fit for a log");
        return 0;
    }
    check_limits(read.value());
    require(extended.size() <= bounds.extensions_max, "extensions_max");
    const wire::message again = wire::encode_control(read.value(), extended);
    require(again.first.size() == what.first.size(),
            "what was decoded is encoded to as many bytes");
    wire::extensions once_more;
    const auto twice = wire::decode_control(again, bounds, &once_more);
    require(
        twice.ok() && bytes_of(wire::encode_control(twice.value(), once_more)) == bytes_of(again),
        "and to the same bytes from then on");
    // A map of limits may come in any order, and goes in one.
    if (!has_limits(read.value())) require(bytes_of(again) == bytes_of(what), "and at once");
    return 0;
}
