foreach(rule layers format shell)
  plateau_shell(lint.${rule} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/lint/${rule}.sh LABELS lint)
endforeach()
