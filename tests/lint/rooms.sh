#!/bin/sh
# Holds the includes to the rooms (lib/CMakeLists.txt, broker/CMakeLists.txt).
#
#   tests/lint/rooms.sh [ROOT]        check the tree
#   tests/lint/rooms.sh --self-test   plant wrong includes in a temporary tree; each must be found
#
# The link targets already keep libzmq out of the pure rooms; this script also catches what never
# reaches the linker: headers, clocks, threads, and an installed header that needs one that isn't.
set -eu

check() {
    # No source file has blanks in its name, so the list may be split into words.
    # shellcheck disable=SC2046
    (cd "$1" && set -- $(find lib broker bin bench tests -path tests/consumer -prune -o \
            \( -name '*.hpp' -o -name '*.cpp' \) -print 2>/dev/null | LC_ALL=C sort) &&
        { [ $# -gt 0 ] || { echo "rooms: no sources under $(pwd)"; exit 1; }; } &&
        LC_ALL=C awk -v base_names="$(sed -n 's/^set(base_names \(.*\))$/\1/p' lib/CMakeLists.txt)" \
            "$rules" "$@")
}

rules='
BEGIN {
    # room -> the rooms that its files may include, itself among them
    pure = "base wire core"
    may["base"] = "base"
    may["wire"] = "wire base"
    may["core"] = pure
    may["net"]  = pure " net"
    may["shell"] = pure " net shell api"  # of the public API the headers, which it implements
    may["api"]  = "base wire shell api"    # the .cpp files only forward; the headers: see below
    may["broker/core"]   = pure " broker/core"
    may["broker/shell"]  = pure " net shell api broker/core broker/shell broker/public"
    may["broker/public"] = "base wire api broker/public"
    may["broker/web/core"] = pure " broker/web/core"
    may["broker/web"]    = pure " net shell api broker/web/core broker/web"
    may["broker/daemon"] = may["broker/shell"] " broker/web/core broker/web broker/daemon bin/support"
    may["bin/support"] = "base wire api bin/support"
    may["bin"]  = "base wire api broker/public bin/support bin"
    may["sim"]  = pure " broker/core sim"
    may["core tests"] = may["sim"] " broker/web/core core tests tests"
    may["bench"] = may["tests"] = "*"

    # What is installed (lib/CMakeLists.txt) may include only what is installed.
    header["api"] = "base wire api"

    # Among the public headers, but every room may include them.
    if (split(base_names, names, " ") == 0) { print "rooms: no set(base_names ...) in lib/CMakeLists.txt"; faults++ }
    for (i in names) base_name[names[i]] = 1
    delete names

    # Rooms without sockets, threads, clocks or chance of their own.
    split("base wire core broker/core broker/web/core sim", names, " ")
    for (i in names) is_pure[names[i]] = 1
    delete names
    split("zmq.h zmq.hpp zmq_addon.hpp thread mutex shared_mutex condition_variable future " \
          "stop_token semaphore latch barrier pthread.h unistd.h poll.h fcntl.h time.h sys/time.h " \
          "sys/socket.h sys/epoll.h sys/eventfd.h sys/random.h sys/poll.h sys/un.h netdb.h " \
          "netinet/in.h netinet/tcp.h arpa/inet.h asio.hpp", names, " ")
    for (i in names) impure_header[names[i]] = 1
    impure_word["[Cc]lock(_t|_type)?::now *\\(|clock_gettime|gettimeofday|std::time *\\("] = "a clock"
    # Who may make threads and wait for them, beside the files named here: in net those that the
    # system or libzmq leaves no choice, of the public API the templates.
    split("shell broker/shell broker/web bin bin/support bench tests", names, " ")
    for (i in names) has_threads[names[i]] = 1
    delete names
    thread_word = "std::j?thread([^:_a-z]|::id|$)|std::async|pthread_create"
    wait_word = "std::(shared_|recursive_|timed_)*mutex|std::(scoped|unique|shared)_lock|std::lock_guard|condition_variable"
    may_make_thread = "^lib/maus/net/(process|resolver|socket)\\.[ch]pp$"
    may_wait = "^lib/maus/net/(connector|resolver|socket)\\.cpp$|^lib/maus/[a-z_]+\\.hpp$"
    # What a public .cpp file that only forwards has no need for.
    more_than_forwarding = "(^|[^a-z_])((for|while|switch)[ \t]*\\(|do[ \t]*\\{)|^[ \t]*(namespace[ \t]*\\{|(struct|class|enum|template)[^a-z_])"
    # Everywhere but in net, and where tests and benchmarks speak ZeroMQ on purpose.
    split("net|tests|bench", names, "|")
    for (i in names) knows_zmq[names[i]] = 1
    delete names
    impure_word["random_device|getrandom|std::rand *\\("] = "randomness (inject it)"
    impure_word["std::j?thread|this_thread"] = "a thread"
}

# The room of a path from the root, "" if it is in none.
function room_of(path,    name) {
    if (path ~ /^lib\/maus\/[^\/]+$/) {
        name = path; sub(/.*\//, "", name); sub(/\..*/, "", name)
        return name in base_name ? "base" : "api"
    }
    if (path ~ /^lib\/maus\/(base|wire|core|net|shell)\/[^\/]+$/) {
        sub(/^lib\/maus\//, "", path); sub(/\/.*/, "", path)
        return path
    }
    if (path ~ /^broker\/shell\/include\/maus\//) return "broker/public"
    if (path ~ /^broker\/web\/core\/[^\/]+$/) return "broker/web/core"
    if (path ~ /^broker\/(core|shell|daemon|web)\/[^\/]+$/) { sub(/\/[^\/]+$/, "", path); return path }
    if (path ~ /^bin\/support\//) return "bin/support"
    if (path ~ /^bin\//) return "bin"
    if (path ~ /^bench\//) return "bench"
    if (path ~ /^tests\/core\//) return "core tests"
    if (path ~ /^tests\/sim\//) return "sim"
    if (path ~ /^tests\//) return "tests"
    return ""
}

function exists(path,    line, got) { got = (getline line < path); close(path); return got >= 0 }

# The path from the root of what is included, "" if it is not ours.
function resolve(name, quoted,    folder) {
    if (name == "maus/version.hpp") return "lib/maus/version.hpp"  # generated
    if (name ~ /^maus\//) return exists("broker/shell/include/" name) || name == "maus/parkserver.hpp" \
        ? "broker/shell/include/" name : "lib/" name
    if (name ~ /^(lib|broker|bin|bench|tests)\//) return name
    if (!quoted) return ""
    folder = FILENAME; sub(/[^\/]+$/, "", folder)
    if (exists(folder name)) return folder name
    if (exists("tests/" name)) return "tests/" name
    return ""
}

function wrong(text) { print FILENAME ":" FNR ": " text; faults++ }

function allowed(target, list,    rooms, n, i) {
    if (list == "*") return 1
    if (list ~ /core tests/ && (target == "core tests" || target == "tests")) return 1
    n = split(list, rooms, " ")
    for (i = 1; i <= n; i++) if (rooms[i] == target) return 1
    return 0
}

FNR == 1 {
    room = room_of(FILENAME)
    in_comment = 0
    files++
    if (room == "") wrong("is in no room; see lib/CMakeLists.txt and broker/CMakeLists.txt")
}

{
    # Comments may say what they like. A "//" after ":" is an address in a string.
    line = $0
    if (in_comment) { if (line !~ /\*\//) next; sub(/.*\*\//, "", line); in_comment = 0 }
    gsub(/\/\*([^*]|\*[^\/])*\*\//, " ", line)
    if (line ~ /^\/\//) next
    if (match(line, /[^:]\/\//)) line = substr(line, 1, RSTART)
    if (line ~ /\/\*/) { sub(/\/\*.*/, "", line); in_comment = 1 }
}

line ~ /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    quoted = line ~ /include[ \t]*"/
    name = line; sub(/^[^<"]*[<"]/, "", name); sub(/[>"].*/, "", name)
    # The options hold a stop token of the caller. No machine looks at it.
    if (FILENAME ~ /^lib\/maus\/(options|call_policy)\.hpp$/ && name == "stop_token") next
    # It writes a text from the options, and is compiled for the simulator too.
    if (FILENAME == "tests/sim/main.cpp" && name == "bin/support/completion.hpp") next
    if (room in is_pure && name in impure_header) {
        wrong("the room " room " must stay pure, but includes <" name ">")
        next
    }
    if (!(room in knows_zmq) && name ~ /zmq/) { wrong("only the room net may know ZeroMQ"); next }
    if (room != "broker/web" && name ~ /^boost\//) { wrong("only the room broker/web may know Boost"); next }
    if (name ~ /(^|\/)\.\.\//) { wrong("\"" name "\": write includes from the root of the room, without ..") ; next }
    if (name ~ /^lib\//) { wrong("\"" name "\": write \"maus/...\" instead"); next }
    target = resolve(name, quoted)
    if (target == "") next
    target = room_of(target)
    if (room == "" || target == "") next
    if (!allowed(target, may[room]))
        wrong("the room " room " must not include \"" name "\" of the room " target)
    else if (room in header && FILENAME ~ /\.hpp$/ && !allowed(target, header[room]))
        wrong("this header is installed, but \"" name "\" of the room " target " is not")
    next
}

!(room in knows_zmq) && tolower(line) ~ /zmq/ { wrong("only the room net may know ZeroMQ") }

!(room in is_pure) && !(room in has_threads) && room != "sim" && room != "core tests" && room != "" {
    if (line ~ thread_word && FILENAME !~ may_make_thread) wrong("threads live in shell, not in the room " room)
    if (line ~ wait_word && FILENAME !~ may_wait) wrong("who waits for threads lives in shell, not in the room " room)
}

FILENAME ~ /^lib\/maus\/[^\/]+\.cpp$/ && line ~ more_than_forwarding {
    wrong("a public .cpp file only forwards: this belongs into shell, wire or base")
}

room in is_pure {
    for (pattern in impure_word)
        if (line ~ pattern) wrong("the room " room " must stay pure, but uses " impure_word[pattern])
}

END {
    if (faults) { print "rooms: " faults " wrong"; exit 1 }
    print "rooms: " files " files, every include points the allowed way"
}
'

self_test() {
    temp=$(mktemp -d "${TMPDIR:-/tmp}/maus-rooms.XXXXXX")
    trap 'rm -rf "$temp"' EXIT
    missed=0
    cases=0

    good_tree() {
        rm -rf "$temp/tree"
        for folder in lib/maus/base lib/maus/wire lib/maus/core lib/maus/net lib/maus/shell broker/core \
            broker/shell/include/maus broker/daemon broker/web/core bin/maus bin/support bench tests/core tests/sim; do
            mkdir -p "$temp/tree/$folder"
        done
        (
            cd "$temp/tree"
            echo 'set(base_names error version)' >lib/CMakeLists.txt
            echo '#include <vector>' >lib/maus/base/ids.hpp
            echo '#include "maus/base/ids.hpp"' >lib/maus/error.hpp
            echo '#include "maus/error.hpp"' >lib/maus/wire/codec.hpp
            echo '#include "maus/wire/codec.hpp"' >lib/maus/core/session.hpp
            printf '#include <zmq.hpp>\n#include "maus/core/session.hpp"\n' >lib/maus/net/reactor.hpp
            echo '#include "maus/wire/codec.hpp"' >lib/maus/manager.hpp
            printf '#include "maus/net/reactor.hpp"\n#include "maus/manager.hpp"\n' \
                >lib/maus/shell/runtime.hpp
            printf '// ZeroMQ is for net\n#include "maus/shell/runtime.hpp"\n' >lib/maus/manager.cpp
            printf '// not std::random_device, not steady_clock::now()\n/* <thread>\n#include <thread>\n*/\n' \
                >broker/core/registry.cpp
            echo 'const char* at = "tcp://127.0.0.1:*";' >>broker/core/registry.cpp
            echo '#include "maus/core/session.hpp"' >broker/core/registry.hpp
            echo '#include "maus/error.hpp"' >broker/shell/include/maus/parkserver.hpp
            echo '#include "broker/core/registry.hpp"' >broker/shell/shell.cpp
            echo '#include "maus/error.hpp"' >bin/support/program.hpp
            printf '#include "maus/parkserver.hpp"\n#include "bin/support/program.hpp"\n' \
                >bin/maus/main.cpp
            echo '#include "bin/support/program.hpp"' >broker/daemon/main.cpp
            printf '#include "catch.hpp"\n#include "broker/core/registry.hpp"\n' >tests/core/registry.cpp
            touch tests/catch.hpp
        )
    }
    # planted FILE LINE EXPECTED: with LINE appended to FILE, the check fails and says EXPECTED.
    planted() {
        good_tree
        mkdir -p "$(dirname "$temp/tree/$1")"
        printf '%s\n' "$2" >>"$temp/tree/$1"
        cases=$((cases + 1))
        if check "$temp/tree" >"$temp/out"; then
            echo "missed in $1: $2"
            missed=$((missed + 1))
        elif ! grep -qF "$3" "$temp/out" || ! grep -qF "rooms: 1 wrong" "$temp/out"; then
            echo "wrong answer for $1: $2"
            cat "$temp/out"
            missed=$((missed + 1))
        fi
    }

    good_tree
    check "$temp/tree" >"$temp/out" || { echo "a good tree was refused:"; cat "$temp/out"; missed=1; }

    planted lib/maus/base/ids.hpp '#include "maus/wire/codec.hpp"' 'of the room wire'
    planted lib/maus/error.hpp '#include "maus/manager.hpp"' 'the room base must not include'
    planted lib/maus/wire/codec.hpp '#include "maus/core/session.hpp"' 'of the room core'
    planted lib/maus/core/session.hpp '#include <maus/net/reactor.hpp>' 'of the room net'
    planted lib/maus/core/session.hpp '#include "maus/manager.hpp"' 'of the room api'
    planted lib/maus/net/reactor.hpp '#include "maus/manager.hpp"' 'of the room api'
    planted lib/maus/manager.hpp '#include "maus/net/reactor.hpp"' 'of the room net'
    planted lib/maus/manager.hpp '#include "maus/shell/runtime.hpp"' 'this header is installed'
    planted lib/maus/manager.cpp '#include "maus/net/reactor.hpp"' 'of the room net'
    planted lib/maus/manager.cpp '#include "maus/core/session.hpp"' 'of the room core'
    planted lib/maus/core/session.hpp '#include "maus/shell/runtime.hpp"' 'of the room shell'
    planted lib/maus/net/reactor.hpp '#include "maus/shell/runtime.hpp"' 'of the room shell'
    planted lib/maus/shell/runtime.hpp '#include "maus/parkserver.hpp"' 'of the room broker/public'
    planted lib/maus/shell/runtime.hpp 'zmq::socket_t socket;' 'only the room net'
    planted lib/maus/shell/runtime.hpp '#include <zmq.hpp>' 'only the room net'
    planted lib/maus/manager.cpp 'int now = ZMQ_EVENTS;' 'only the room net'
    planted broker/shell/shell.cpp 'zmq_sleep(1);' 'only the room net'
    planted bin/maus/main.cpp '#include <zmq.h>' 'only the room net'
    planted lib/maus/manager.cpp '#include "maus/parkserver.hpp"' 'of the room broker/public'
    planted lib/maus/manager.cpp '#include "../maus/error.hpp"' 'without ..'
    planted lib/maus/manager.cpp '#include "lib/maus/error.hpp"' 'write "maus/..." instead'
    planted lib/maus/attic/old.hpp 'int x;' 'is in no room'
    planted lib/maus/manager.cpp 'for (auto& each : all) each.stop();' 'only forwards'
    planted lib/maus/manager.cpp '    while (!done) wait();' 'only forwards'
    planted lib/maus/manager.cpp '    switch (kind) {' 'only forwards'
    planted lib/maus/manager.cpp 'namespace {' 'only forwards'
    planted lib/maus/manager.cpp 'class runtime {' 'only forwards'
    planted lib/maus/manager.cpp 'std::mutex guard;' 'who waits for threads lives in shell'
    planted lib/maus/manager.cpp 'std::thread loop;' 'threads live in shell'
    planted lib/maus/manager.hpp 'std::thread loop_;' 'threads live in shell'
    planted lib/maus/net/reactor.hpp 'std::jthread loop_;' 'threads live in shell'
    planted lib/maus/net/reactor.hpp 'std::condition_variable came_;' 'who waits for threads lives in shell'
    planted lib/maus/net/connector.cpp 'std::thread looker([this] { look(); });' 'threads live in shell'
    planted broker/daemon/main.cpp 'std::thread other;' 'threads live in shell'
    planted broker/core/registry.hpp '#include "maus/net/reactor.hpp"' 'of the room net'
    planted broker/core/registry.hpp '#include "broker/shell/shell.cpp"' 'of the room broker/shell'
    planted broker/shell/include/maus/parkserver.hpp '#include "broker/core/registry.hpp"' 'must not include'
    planted bin/maus/main.cpp '#include "broker/core/registry.hpp"' 'of the room broker/core'
    planted broker/web/core/session.hpp '#include "maus/net/reactor.hpp"' 'of the room net'
    planted broker/web/core/session.hpp '#include <thread>' 'must stay pure'
    planted broker/web/core/session.hpp '#include <boost/asio.hpp>' 'only the room broker/web'
    planted broker/shell/shell.cpp '#include <boost/asio.hpp>' 'only the room broker/web'
    planted broker/web/gateway.cpp '#include "broker/core/registry.hpp"' 'of the room broker/core'
    planted bin/maus/main.cpp '#include "maus/net/reactor.hpp"' 'of the room net'
    planted bin/support/program.hpp '#include "maus/parkserver.hpp"' 'of the room broker/public'
    planted broker/shell/shell.cpp '#include "bin/support/program.hpp"' 'of the room bin/support'
    planted tests/core/registry.cpp '#include "maus/net/reactor.hpp"' 'of the room net'
    planted tests/sim/main.cpp '#include "maus/manager.hpp"' 'of the room api'
    planted tests/sim/main.cpp '#include "bin/support/program.hpp"' 'of the room bin/support'
    for header in zmq.hpp zmq.h thread mutex sys/socket.h; do
        planted lib/maus/core/session.hpp "#include <$header>" 'must stay pure'
    done
    planted lib/maus/base/ids.hpp '  #  include <thread> // why not' 'must stay pure'
    planted lib/maus/core/session.hpp 'auto t = std::chrono::steady_clock::now();' 'a clock'
    planted lib/maus/wire/codec.hpp 'std::random_device chance;' 'randomness'
    planted broker/core/registry.cpp 'zmq::socket_t s;' 'only the room net'

    [ "$missed" -eq 0 ] || { echo "rooms: self-test failed"; exit 1; }
    echo "rooms: all $cases planted faults were found"
}

case ${1:-} in
    --self-test) self_test ;;
    -*) echo "usage: tests/lint/rooms.sh [ROOT | --self-test]" >&2; exit 2 ;;
    *) check "${1:-$(dirname "$0")/../..}" ;;
esac
