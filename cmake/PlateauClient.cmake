# libplateau: a worker's side of the protocol for other people's programs (include/plateau.h, worker/library), shared and
# static, with symbol versions, a .pc file and a CMake package. Its sources are compiled once more, position independent
# and hidden but for what the header declares; it needs ZeroMQ, protobuf-c and xxHash, and nothing else.
set(client ${CMAKE_SOURCE_DIR})
add_library(plateau_client OBJECT
  ${client}/common/bf16.c ${client}/common/hash.c ${client}/common/io/fileio.c ${client}/common/log.c ${client}/common/mem.c ${client}/common/mem_exhausted.c
  ${client}/common/rng.c ${client}/common/status.c ${client}/common/time.c
  ${client}/proto/frame.c ${client}/proto/job_card.c ${client}/proto/message.c ${client}/proto/parts.c
  ${client}/proto/shard.c ${client}/proto/tree.c
  ${client}/proto/wire/guard.c ${client}/proto/wire/parcel.c ${client}/proto/wire/ports.c ${client}/proto/wire/region.c
  ${client}/proto/wire/security.c ${client}/proto/wire/wire.c ${client}/proto/wire/zap.c
  ${client}/worker/client/client.c ${client}/worker/client/exchange.c ${client}/worker/client/lender.c
  ${client}/worker/client/loans.c ${client}/worker/client/pending.c ${client}/worker/client/rows.c
  ${client}/worker/client/rto.c
  ${client}/worker/library/distinct.c ${client}/worker/library/failures.c ${client}/worker/library/library.c
  ${client}/worker/library/meet.c ${client}/worker/library/steps.c ${client}/worker/library/tables.c)
add_library(plateau_client_pb OBJECT ${CMAKE_BINARY_DIR}/proto/plateau.pb-c.c) # not held to our warnings
add_dependencies(plateau_client_pb plateau_pb)
add_dependencies(plateau_client plateau_pb)
# clang-tidy has them from elsewhere, and loses its way in a file that it is given twice.
foreach(part plateau_client plateau_client_pb)
  set_target_properties(${part} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden
                                           EXPORT_COMPILE_COMMANDS OFF)
  target_link_libraries(${part} PRIVATE PkgConfig::PROTOBUFC)
endforeach()
target_link_libraries(plateau_client PRIVATE plateau_options PkgConfig::ZMQ PkgConfig::XXHASH Threads::Threads)
target_include_directories(plateau_client PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_BINARY_DIR}/proto)
target_compile_definitions(plateau_client PRIVATE PLT_LIBRARY_VERSION="${PROJECT_VERSION}")
if(PLATEAU_XXHASH_DISPATCH)
  target_compile_definitions(plateau_client PRIVATE PLT_XXHASH_DISPATCH)
endif()

add_library(plateau_shared SHARED $<TARGET_OBJECTS:plateau_client> $<TARGET_OBJECTS:plateau_client_pb>)
set(symbols ${CMAKE_SOURCE_DIR}/cmake/plateau.map)
set_target_properties(plateau_shared PROPERTIES
  OUTPUT_NAME plateau VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINK_DEPENDS ${symbols}
  LINKER_LANGUAGE C)
target_link_options(plateau_shared PRIVATE LINKER:--version-script=${symbols} LINKER:--no-undefined LINKER:--as-needed)
target_link_libraries(plateau_shared PRIVATE PkgConfig::ZMQ PkgConfig::PROTOBUFC PkgConfig::XXHASH Threads::Threads m)
if(PLATEAU_SANITIZE)
  target_link_options(plateau_shared PRIVATE -fsanitize=${PLATEAU_SANITIZE})
  set_property(TARGET plateau_shared PROPERTY LINK_OPTIONS -fsanitize=${PLATEAU_SANITIZE} LINKER:--version-script=${symbols})
endif()
target_include_directories(plateau_shared INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(plateau_shared PROPERTIES EXPORT_NAME plateau)

# One object, in which what is hidden is local: a program may have functions of any name.
set(whole ${CMAKE_CURRENT_BINARY_DIR}/plateau_whole.o)
add_custom_command(OUTPUT ${whole}
  COMMAND ${CMAKE_LINKER} -r -o ${whole} $<TARGET_OBJECTS:plateau_client> $<TARGET_OBJECTS:plateau_client_pb>
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden --wildcard --keep-global-symbol=plateau_[a-z]* ${whole}
  DEPENDS plateau_client plateau_client_pb $<TARGET_OBJECTS:plateau_client> $<TARGET_OBJECTS:plateau_client_pb>
  COMMAND_EXPAND_LISTS VERBATIM)
set_source_files_properties(${whole} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
add_library(plateau_static STATIC ${whole})
set_target_properties(plateau_static PROPERTIES OUTPUT_NAME plateau LINKER_LANGUAGE C EXPORT_NAME static)
target_include_directories(plateau_static INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(plateau_static INTERFACE PkgConfig::ZMQ PkgConfig::PROTOBUFC PkgConfig::XXHASH Threads::Threads m)

# ---- installed ----
include(CMakePackageConfigHelpers)
set(package ${CMAKE_INSTALL_LIBDIR}/cmake/plateau)
install(TARGETS plateau_shared EXPORT plateau_shared LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS plateau_static EXPORT plateau_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${CMAKE_SOURCE_DIR}/include/plateau.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
foreach(kind shared static)
  install(EXPORT plateau_${kind} NAMESPACE plateau:: DESTINATION ${package} FILE plateau-${kind}.cmake)
endforeach()
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/plateau-config.cmake.in
                              ${CMAKE_CURRENT_BINARY_DIR}/plateau-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/plateau-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/plateau-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/plateau-config-version.cmake
        DESTINATION ${package})
# The directories are those of the installation, whatever --prefix it is given later: relative to the file.
file(RELATIVE_PATH up "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(${CMAKE_SOURCE_DIR}/cmake/plateau.pc.in ${CMAKE_CURRENT_BINARY_DIR}/plateau.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/plateau.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
