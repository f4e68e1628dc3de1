# Benchmarks: built with the tests, run by hand (docs/benchmarks.md). What `plateau bench` measures is not here.
add_executable(bench_checkpoint bench/checkpoint.c)
target_link_libraries(bench_checkpoint PRIVATE plateau::launch)
add_executable(bench_graph bench/graph.c)
target_link_libraries(bench_graph PRIVATE plateau::launch)
add_executable(bench_ids bench/ids.c)
target_include_directories(bench_ids PRIVATE ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(bench_ids PRIVATE plateau::launch)
