# Benchmarks: built with the tests, run by hand (docs/benchmarks.md).
add_library(plateau_bench STATIC bench/bare_wire.c bench/measure.c)
target_link_libraries(plateau_bench PUBLIC PkgConfig::ZMQ Threads::Threads plateau_options)
add_executable(bench_bare_zmq bench/bare_zmq.c)
target_link_libraries(bench_bare_zmq PRIVATE plateau_bench)
add_executable(bench_step bench/step.c)
target_link_libraries(bench_step PRIVATE plateau_bench plateau::ps plateau::worker)
add_executable(bench_optimizers bench/optimizers.c)
target_link_libraries(bench_optimizers PRIVATE plateau::ps)
