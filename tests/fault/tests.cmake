# Who does not belong to a job, at its ports.
add_library(plateau_stranger STATIC fault/stranger.c fault/stranger.h)
target_link_libraries(plateau_stranger PUBLIC plateau_options)
add_executable(stranger fault/stranger_main.c)
target_link_libraries(stranger PRIVATE plateau_stranger Threads::Threads)

# What goes wrong in a cluster, through the binary.
function(plateau_fault name)
  plateau_shell(fault.${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fault/${name}.sh ${ARGN})
endfunction()
plateau_fault(strangers LABELS fault heavy TIMEOUT 500)
set_tests_properties(fault.strangers PROPERTIES RUN_SERIAL ON) # it takes thousands of ports and descriptors
plateau_fault(namespaces LABELS fault heavy TIMEOUT 500)
set_tests_properties(fault.namespaces PROPERTIES RUN_SERIAL ON) # it waits for deadlines

# The fault campaign: short here, longer by hand (--kills, --faults; docs/reliability.md).
plateau_fault(kills LABELS fault heavy TIMEOUT 400)
set_tests_properties(fault.kills PROPERTIES RUN_SERIAL ON)
plateau_fault(disk LABELS fault heavy TIMEOUT 400)
plateau_fault(proxy LABELS fault heavy TIMEOUT 500)
plateau_fault(goodbye LABELS fault heavy TIMEOUT 300)
set_tests_properties(fault.goodbye PROPERTIES RUN_SERIAL ON)

add_library(clock_jump SHARED fault/clock_jump.c)
target_link_libraries(clock_jump PRIVATE plateau_options)
plateau_fault(clock_jump LABELS fault heavy TIMEOUT 300)
plateau_fault(silent LABELS fault heavy TIMEOUT 300)
set_tests_properties(fault.silent PROPERTIES RUN_SERIAL ON)

# fault_memory 1000000 is the long form.
add_executable(fault_memory fault/memory.c)
target_link_libraries(fault_memory PRIVATE plateau::ps plateau::worker)
add_test(NAME fault.memory COMMAND fault_memory)
set_tests_properties(fault.memory PROPERTIES LABELS "fault;heavy" TIMEOUT 240) # sanitizers keep what is freed
