# Jobs of several ranks on this machine.
plateau_shell(mpi.smoke COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mpi/smoke.sh LABELS mpi heavy fast)
plateau_shell(mpi.signals COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mpi/signals.sh $<TARGET_FILE:alarms> LABELS mpi heavy)
plateau_shell(mpi.cluster COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mpi/cluster.sh LABELS mpi heavy TIMEOUT 400 COST 60)
plateau_shell(mpi.slurm COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mpi/slurm.sh LABELS mpi heavy TIMEOUT 400)
plateau_shell(mpi.served COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/mpi/served.sh ${CMAKE_BINARY_DIR} LABELS mpi heavy)
set_tests_properties(mpi.cluster mpi.slurm mpi.served PROPERTIES RESOURCE_LOCK ranks)
