# Every case with a config.yaml, through `plateau train` and `plateau export`, with 3 servers: that one has the same bits is
# what e2e.determinism says, and a case per model says it here. Cases of several leaves also with 2 and 3 workers. New
# cases come in by themselves. "again": the sanitizers' build leaves it out, the same code runs there in others: every model
# with bsam+, every strategy with vbpr and invrl, every optimizer with bsam+, leaves with 2 workers.
file(GLOB configurations CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/golden/*/config.yaml)
foreach(configuration IN LISTS configurations)
  cmake_path(GET configuration PARENT_PATH folder)
  cmake_path(GET folder FILENAME case)
  set(clusters "3 1")
  if(case MATCHES "^[a-z0-9]+-bsam\\+-adam$|^[a-z0-9]+-procedure-bsam\\+$")
    list(APPEND clusters "1 1") # a sample: a case per model
  endif()
  if(case MATCHES "-leaves-")
    list(APPEND clusters "2 2" "3 3")
  endif()
  foreach(cluster IN LISTS clusters)
    separate_arguments(cluster)
    list(GET cluster 0 servers)
    list(GET cluster 1 workers)
    set(name ${case}.s${servers}w${workers})
    set(labels golden)
    if(servers EQUAL 1)
      list(APPEND labels fast again)
    elseif(name STREQUAL "vbpr-leaves-bsam+-adam.s3w3")
      list(APPEND labels fast) # leaves over workers
    elseif(name MATCHES "-(plain|bsam|mirror|crosscorr|no)[-.]" AND NOT name MATCHES "^(vbpr|invrl)-")
      list(APPEND labels again)
    elseif(name MATCHES "-(leaves.*s3w[13]|plain-adagrad.*|plain-lazy_adam.*|plain-sgd.*|mirror-adagrad.*|mirror-sgd.*|procedure-(plain|outer2).*)$")
      list(APPEND labels again)
    endif()
    plateau_shell(golden.${name}
      COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/golden/run_case.sh ${folder} --servers ${servers} --workers ${workers}
      LABELS ${labels})
  endforeach()
endforeach()

# Cases of `plateau data`: what a command is to write.
file(GLOB commands CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/golden/*/command)
foreach(command IN LISTS commands)
  cmake_path(GET command PARENT_PATH folder)
  cmake_path(GET folder FILENAME case)
  plateau_shell(golden.${case}
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/golden/run_data.sh ${folder}
    LABELS golden fast)
endforeach()
