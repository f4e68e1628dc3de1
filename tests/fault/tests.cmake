# Who does not belong to a job, at its ports.
add_library(plateau_stranger STATIC fault/stranger.c fault/stranger.h)
target_link_libraries(plateau_stranger PUBLIC plateau_options)
add_executable(stranger fault/stranger_main.c)
target_link_libraries(stranger PRIVATE plateau_stranger Threads::Threads)

# The fault campaign: short here, longer by hand (--kills, --faults; docs/reliability.md).
plateau_shell(fault.kills COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fault/kills.sh LABELS fault heavy TIMEOUT 400)
set_tests_properties(fault.kills PROPERTIES RUN_SERIAL ON)
plateau_shell(fault.disk COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fault/disk.sh LABELS fault heavy TIMEOUT 400)

add_library(clock_jump SHARED fault/clock_jump.c)
target_link_libraries(clock_jump PRIVATE plateau_options)
plateau_shell(fault.clock_jump COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fault/clock_jump.sh LABELS fault heavy TIMEOUT 300)
plateau_shell(fault.silent COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fault/silent.sh LABELS fault heavy TIMEOUT 300)
set_tests_properties(fault.silent PROPERTIES RUN_SERIAL ON)
