// main() of every test executable, the same for Catch2 2.13 and 3.
//
// With 2.13 this is also where the whole of Catch2 is compiled, which is why it stands alone.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#endif

int main(int argc, char* argv[]) { return Catch::Session().run(argc, argv); }
