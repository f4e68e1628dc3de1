foreach(rule layers format shell citations)
  plateau_shell(lint.${rule} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/${rule}.sh LABELS lint)
endforeach()

set(objects "$<TARGET_OBJECTS:plateau>")
foreach(layer common proto ps worker launch)
  list(APPEND objects "$<TARGET_OBJECTS:plateau_${layer}>")
endforeach()
file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/objects.txt CONTENT "$<JOIN:${objects},\n>\n")
plateau_shell(lint.circles COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/circles.sh ${CMAKE_CURRENT_BINARY_DIR}/objects.txt
              LABELS lint)
