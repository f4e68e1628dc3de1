# The protocol's models, as spin sees them (docs/protocol-model.md). Nothing of the program is built into them: "again".
foreach(model bsp ssp)
  plateau_shell(protocol.${model} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/model/run ${model} LABELS model again COST 8)
endforeach()
