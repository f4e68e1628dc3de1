# What compares the outputs of the binary with expectations, for the shell tests.
add_library(plateau_events STATIC tools/events.c tools/events.h)
target_link_libraries(plateau_events PUBLIC plateau::common PkgConfig::JANSSON plateau_options)
foreach(tool npy_compare loss_compare metrics_compare)
  add_executable(${tool} tools/${tool}.c)
  target_link_libraries(${tool} PRIVATE plateau_events m)
endforeach()
plateau_shell(tools.compare COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/compare.sh LABELS unit)
