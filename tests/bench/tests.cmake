# The yardstick: built with the tests, run by hand.
add_executable(bench_bare_zmq bench/bare_zmq.c)
target_link_libraries(bench_bare_zmq PRIVATE PkgConfig::ZMQ Threads::Threads plateau_options)
add_executable(bench_optimizers bench/optimizers.c)
target_link_libraries(bench_optimizers PRIVATE plateau::ps)
