# What the sources must keep to. Labels: "lint" takes seconds; "analysis" minutes at first, seconds once it knows the files.
foreach(rule layers format shell sizes idioms citations)
  plateau_shell(lint.${rule} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/${rule}.sh LABELS lint COST 5)
endforeach()

set(objects "$<TARGET_OBJECTS:plateau>")
foreach(layer common proto ps worker launch)
  list(APPEND objects "$<TARGET_OBJECTS:plateau_${layer}>")
endforeach()
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/objects.txt CONTENT "$<JOIN:${objects},\n>\n")
plateau_shell(lint.circles COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/circles.sh ${CMAKE_CURRENT_BINARY_DIR}/objects.txt
              LABELS lint)

plateau_shell(analysis.cppcheck COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/cppcheck.sh ${CMAKE_BINARY_DIR}/cppcheck
              LABELS analysis)
plateau_shell(analysis.tidy COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/tidy.sh ${CMAKE_BINARY_DIR} LABELS analysis TIMEOUT 3000)
foreach(name cppcheck tidy)
  cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
  set_tests_properties(analysis.${name} PROPERTIES PROCESSORS ${cores}) # each uses all
endforeach()
