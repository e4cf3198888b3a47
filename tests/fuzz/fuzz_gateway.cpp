// A gateway's session with a WebSocket peer and a parkserver who say anything at all, take what they are
// sent or do not, and go. What holds after every event:
//
// - any bytes are a message that is packed to the same bytes again, or a failure with a reason;
// - what is passed on is what the role's row of PROTOCOL.md allows, between the connection's up and its end;
// - it connects once, disconnects once if it did, and closes the WebSocket once; nothing follows that;
// - what waits is what was said and not taken, and is bounded; the next deadline lies ahead.
#include "broker/web/core/framing.hpp"
#include "broker/web/core/session.hpp"
#include "tests/fuzz/allocations.hpp"
#include "tests/fuzz/routes.hpp"
#include "tests/fuzz/say.hpp"

using namespace fuzz;

namespace {

constexpr std::size_t events_max = 48;

web::session_config config() {
    web::session_config made{
        web::tokens{{std::string(22, 'w'), std::string(22, 'm'), std::string(22, 'o')}}};
    // Small, so that inputs reach them.
    made.limits.message_bytes_max = 400;
    made.limits.control_bytes_max = 300;
    made.limits.frames_max = 3;
    made.much_bytes = 200;
    return made;
}
const web::session_config shared = config();
const limits& bounds = shared.limits;

/// The table, written once more: bit n is set if type n may be said.
constexpr std::uint32_t types_of(web::role who) {
    switch (who) {
        case web::role::worker: return 0b10'1101'1110'0010;
        case web::role::manager: return 0b11'1110'0001'1100;
        case web::role::observer: return 0b11'1100'0000'0000;
    }
    return 0;
}

class scene {
public:
    explicit scene(input& in) : in_(in) {}

    void play() {
        for (std::size_t i = 0; i < events_max && !in_.empty(); ++i) {
            event();
            check();
        }
    }

private:
    void event() {
        switch (in_.below(10)) {
            case 0:
                now_ = later(in_, now_, session_.next_deadline());
                session_.advance_to(now_, out_);
                require(session_.next_deadline() > now_, "the next deadline lies ahead");
                return;
            case 1: return greet();
            case 2:
                if (dialing_) session_.up(out_);
                if (dialing_) up_ = true;
                return;
            case 3:
                if (!dialing_ || !in_.one_in(4)) return;
                dialing_ = up_ = false;
                return session_.down(in_.one_in(2) ? "it went" : "", out_);
            case 4:
                if (in_.one_in(16)) return session_.stop(out_);
                if (in_.one_in(16)) return session_.gone(out_);
                return session_.parkserver_has_waiting(in_.byte() * 2u);
            case 5: {
                const std::size_t taken = std::min<std::size_t>(waiting_, in_.byte());
                waiting_ -= taken;
                return session_.written(taken, now_);
            }
            case 6:
                if (up_) session_.received(a_control_message(in_.byte(), in_, known_), now_, out_);
                return;
            default: return talk();
        }
    }
    void greet() {
        if (in_.one_in(8)) return session_.text(std::nullopt, out_);
        role_ = in_.one_of(web::all_roles);
        const bool good = session_.is() == web::session::state::greeting && !in_.one_in(8);
        session_.text(good ? shared.tokens.of(role_) : "nobody", out_);
    }
    void talk() {
        if (!session_.hears_peer() && !in_.one_in(8)) return;  // mostly a shell that obeys
        wire::message what;
        switch (in_.below(4)) {
            case 0: what = raw(in_, 64); break;
            case 1:
                what.first = wire::relay_frame(a_lease(in_, known_));
                what.rest.emplace_back(in_.take(in_.below(24)));
                break;
            default: what = a_control_message(in_.byte(), in_, known_);
        }
        std::string bytes = web::pack(what);
        if (in_.one_in(8)) bytes.resize(bytes.size() * in_.byte() / 256);
        if (in_.one_in(8)) bytes += base::as_text(in_.take(in_.below(8)));
        if (in_.one_in(8) && !bytes.empty()) {
            bytes[in_.byte() % bytes.size()] = static_cast<char>(in_.byte());
        }
        check_framing(base::as_bytes(bytes));
        session_.binary(base::as_bytes(bytes), now_, out_);
    }
    void check_framing(base::byte_view bytes) {
        const allocations made;
        const auto read = web::unpack(bytes, bounds);
        require(made.bytes() <= 4096 + 64 * bytes.size(), "unpacking asks for little memory");
        if (read) {
            require(read.value().frames() <= bounds.frames_max + 1, "frames_max");
            require(base::as_bytes(web::pack(read.value())).size() == bytes.size() &&
                        web::pack(read.value()) == base::as_text(bytes),
                    "what was unpacked is packed to the same bytes");
        } else {
            require(!read.why().message.empty(), "a failure has a reason");
        }
    }

    void check() {
        for (auto& each : out_) std::visit([this](auto& what) { apply(what); }, each);
        out_.clear();
        require(session_.waiting_for_peer() == waiting_, "what waits was said and not taken");
        require(waiting_ <= shared.queued_bytes_max() + bounds.control_bytes_max + 4096,
                "what waits is bounded");
        const bool is_closed = session_.is() == web::session::state::closed;
        require(!is_closed || (!session_.hears_peer() && !session_.hears_parkserver()),
                "nothing is read any more");
        require(!is_closed || session_.next_deadline() == base::never, "nothing is due any more");
        require(is_closed || !closed_, "closed is closed");
    }
    void apply(const web::connect&) {
        require(!connected_ && !closed_, "it connects once");
        connected_ = dialing_ = true;
    }
    void apply(const web::disconnect&) {
        require(dialing_,
                "it disconnects once, if it did connect and was not told that it is down");
        dialing_ = up_ = false;
    }
    void apply(const web::pass_on& what) {
        require(up_ && !closed_, "nothing is passed on without a connection");
        const auto head = wire::read_header(what.message.first.view());
        require(head.ok(), "what is passed on has a header");
        require(head.value().version == wire::version, "and is of this version");
        switch (head.value().channel) {
            case wire::channel::control:
                require((types_of(role_) >> head.value().type & 1) != 0, "the role may say it");
                if (head.value().type == 2) check_no_endpoints(what.message);
                return;
            case wire::channel::relay:
                return require(role_ != web::role::observer, "observers do not relay");
            case wire::channel::link: require(false, "links are relayed");
        }
    }
    static void check_no_endpoints(const wire::message& said) {
        const auto read = wire::decode_control(said, bounds);
        require(read && std::get<wire::register_manager>(read.value()).endpoints.empty(),
                "no manager has endpoints");
    }
    void apply(const web::say& what) {
        require(up_ && !closed_, "it is told only what came after it was answered");
        require(web::unpack(base::as_bytes(what.binary), limits{}).ok(), "and that can be read");
        waiting_ += what.binary.size();
    }
    void apply(const web::say_text&) {
        require(up_ && !closed_, "it is answered once it is connected");
    }
    void apply(const web::close& what) {
        require(!closed_, "it is closed once");
        require(!what.why.empty(), "and told why");
        closed_ = true;
    }
    void apply(const web::complain& what) { require(!what.text.empty(), "a line has a text"); }

    input& in_;
    base::instant now_ = beginning;
    web::session session_{shared, beginning};
    web::effects out_;
    seen known_;
    web::role role_ = web::role::observer;
    std::size_t waiting_ = 0;
    bool connected_ = false, dialing_ = false, up_ = false, closed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input in{data, size};
    if (in.one_in(4)) {  // bytes as they come
        const auto bytes = in.rest();
        const auto read = web::unpack(bytes, bounds);
        if (read)
            require(web::pack(read.value()) == base::as_text(bytes), "packed again it is the same");
        return 0;
    }
    scene(in).play();
    return 0;
}
