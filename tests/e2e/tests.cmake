# Tests through the binary, as a user would. "heavy": not in the asan run and not in tests/run --quick.
function(plateau_e2e name)
  plateau_shell(e2e.${name} LABELS e2e ${ARGN})
endfunction()
set(e2e ${CMAKE_CURRENT_SOURCE_DIR}/e2e)

plateau_e2e(commands COMMAND ${e2e}/commands.sh TIMEOUT 500)
plateau_e2e(data COMMAND ${e2e}/data.sh)
plateau_e2e(reference COMMAND ${e2e}/reference.sh)
plateau_e2e(traffic COMMAND ${e2e}/traffic.sh)
plateau_e2e(consistency COMMAND ${e2e}/consistency.sh LABELS heavy TIMEOUT 300)
plateau_e2e(bf16 COMMAND ${e2e}/bf16.sh)
plateau_e2e(bad_input COMMAND ${e2e}/bad_input.sh TIMEOUT 400)
plateau_e2e(leaves_nothing COMMAND ${e2e}/leaves_nothing.sh TIMEOUT 500)
set_tests_properties(e2e.leaves_nothing PROPERTIES RUN_SERIAL ON) # it looks at /tmp
plateau_e2e(security COMMAND ${e2e}/security.sh TIMEOUT 400)
plateau_e2e(checkpoints COMMAND ${e2e}/checkpoints.sh LABELS heavy TIMEOUT 300)
plateau_e2e(killed COMMAND ${e2e}/killed.sh TIMEOUT 400)
foreach(strategy bsam+ mirror)
  plateau_e2e(determinism.${strategy} COMMAND ${e2e}/determinism.sh ${strategy} LABELS heavy TIMEOUT 500)
  plateau_e2e(resume.${strategy} COMMAND ${e2e}/resume.sh ${strategy} LABELS heavy TIMEOUT 500)
endforeach()

# A sanitized binary does not run under valgrind.
if(NOT PLATEAU_SANITIZE)
  plateau_shell(valgrind.run COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/run_valgrind.sh LABELS valgrind heavy TIMEOUT 500)
endif()
