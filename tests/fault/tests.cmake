# Who does not belong to a job, at its ports.
add_library(plateau_stranger STATIC fault/stranger.c fault/stranger.h)
target_link_libraries(plateau_stranger PUBLIC plateau_options)
add_executable(stranger fault/stranger_main.c)
target_link_libraries(stranger PRIVATE plateau_stranger Threads::Threads)

# What goes wrong in a cluster, through the binary. Jobs of many ranks that count seconds: one at a time of those
# (RESOURCE_LOCK ranks), beside other tests.
function(plateau_fault name)
  plateau_shell(fault.${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fault/${name}.sh ${ARGN})
endfunction()
plateau_fault(strangers LABELS fault heavy TIMEOUT 500 COST 15)
set_tests_properties(fault.strangers PROPERTIES RUN_SERIAL ON) # it takes thousands of ports and descriptors
plateau_fault(namespaces LABELS fault heavy TIMEOUT 500 COST 50)

# The fault campaign: short here, longer by hand (--kills, --faults; docs/reliability.md).
plateau_fault(kills LABELS fault heavy TIMEOUT 400 COST 40)
plateau_fault(disk LABELS fault heavy TIMEOUT 400 COST 40)
foreach(what alone together)
  plateau_shell(fault.proxy.${what} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/fault/proxy.sh ${what} LABELS fault heavy
                TIMEOUT 500 COST 35)
endforeach()
plateau_fault(goodbye LABELS fault heavy TIMEOUT 300)

add_library(clock_jump SHARED fault/clock_jump.c)
target_link_libraries(clock_jump PRIVATE plateau_options)
plateau_fault(clock_jump LABELS fault heavy TIMEOUT 300)
add_library(far_disk SHARED fault/far_disk.c)
target_link_libraries(far_disk PRIVATE plateau_options)
plateau_fault(far_disk LABELS fault heavy TIMEOUT 300 COST 5)
if(NOT PLATEAU_SANITIZE) # whose malloc it must be
  add_library(no_memory SHARED fault/no_memory.c)
  target_link_libraries(no_memory PRIVATE plateau_options)
  plateau_fault(no_memory LABELS fault heavy TIMEOUT 300 COST 10)
endif()
plateau_fault(silent LABELS fault heavy TIMEOUT 300 COST 35)
plateau_fault(suspended LABELS fault heavy TIMEOUT 300 COST 12)
set_tests_properties(fault.namespaces fault.kills fault.goodbye fault.silent fault.suspended PROPERTIES RESOURCE_LOCK ranks)

# fault_memory 1000000 is the long form.
add_executable(fault_memory fault/memory.c)
target_link_libraries(fault_memory PRIVATE plateau::ps plateau::worker)
add_test(NAME fault.memory COMMAND fault_memory)
set_tests_properties(fault.memory PROPERTIES LABELS "fault;heavy" TIMEOUT 240 COST 30) # sanitizers keep what is freed
