// The fake peers themselves: what did not come is only told from what did if a barrier sees both.
#include "catch.hpp"

#include "real.hpp"

using namespace spec;

TEST_CASE("peers: a barrier sees what a parkserver said before") {
    const real_park park;
    fake_manager manager(park.endpoint());
    fake_worker first(park.endpoint()), second(park.endpoint());
    CHECK(first.park->never(assign::type_number));
    CHECK(first.park->silent());
    manager.ask_for(2);
    CHECK_FALSE(first.park->never(assign::type_number));
    CHECK_FALSE(second.park->silent());
    const auto offer = second.park->hear<assign>();  // and keeps it
    second.park->say(refused{offer.lease, 13, "busy"});
    second.park->say(available{});
    CHECK_FALSE(second.park->never(assign::type_number));
}

TEST_CASE("peers: a barrier sees what came over a link before") {
    managed all;
    const auto sum = all.add(20, 22);
    fake_worker worker;
    worker.connect(all.endpoint());
    (void)worker.welcomed();
    CHECK_FALSE(worker.link->never(r_call));
    CHECK(worker.link->never(r_call));

    served other;
    CHECK(other.link().never(r_worker_unimplemented));
    other.link().send({{77, 0, 0, "", {}}});
    CHECK_FALSE(other.link().never(r_worker_unimplemented));
}
