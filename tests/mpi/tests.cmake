# Jobs of several ranks on this machine.
plateau_shell(mpi.smoke COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mpi/smoke.sh LABELS mpi heavy fast)
plateau_shell(mpi.cluster COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mpi/cluster.sh LABELS mpi heavy TIMEOUT 400)
set_tests_properties(mpi.cluster PROPERTIES RUN_SERIAL ON)
plateau_shell(mpi.slurm COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mpi/slurm.sh LABELS mpi heavy TIMEOUT 400)
set_tests_properties(mpi.slurm PROPERTIES RUN_SERIAL ON)
