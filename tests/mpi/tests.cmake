# Jobs of several ranks on this machine.
plateau_shell(mpi.cluster COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mpi/cluster.sh LABELS mpi heavy TIMEOUT 400)
set_tests_properties(mpi.cluster PROPERTIES RUN_SERIAL ON)
