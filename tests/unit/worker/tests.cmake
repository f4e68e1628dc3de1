# plateau_unit(worker NAME): one line per test program.
plateau_unit(worker dataset)
plateau_unit(worker data_tools)
target_sources(test_worker_data_tools PRIVATE
  ${CMAKE_SOURCE_DIR}/launch/command_data.c ${CMAKE_SOURCE_DIR}/launch/data_check.c
  ${CMAKE_SOURCE_DIR}/launch/data_report.c ${CMAKE_SOURCE_DIR}/launch/data_synth.c
  ${CMAKE_SOURCE_DIR}/launch/data_synth_write.c)
plateau_unit(worker kernels)
plateau_unit(worker ranking)
plateau_unit(worker tape)
plateau_unit(worker model)
plateau_unit(worker strategy)
plateau_unit(worker consistency USES plateau::ps TIMEOUT 120)
plateau_unit(worker client USES plateau::ps)
plateau_unit(worker sampler USES plateau::ps)
plateau_unit(worker batch USES plateau::ps)
plateau_unit(worker client_retry)
plateau_unit(worker rto)
plateau_unit(worker traffic USES plateau::ps)
plateau_unit(worker graph)
plateau_unit(worker inference USES plateau::ps)
plateau_unit(worker item_graph)
plateau_unit(worker slerp)
plateau_unit(worker graph_models USES plateau::ps)
