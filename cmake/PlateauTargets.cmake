# What every target of the project has in common: warnings as errors, arithmetic that is the same everywhere.
add_library(plateau_options INTERFACE)
target_compile_options(plateau_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wwrite-strings
  -Wpointer-arith -Wundef -Wformat=2 $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> $<$<C_COMPILER_ID:Clang>:-Wno-unneeded-internal-declaration>
  -ffp-contract=off # fused multiply-add would change bits with the compiler's mood (docs/methods/determinism.md 6)
  -fno-omit-frame-pointer)
target_compile_definitions(plateau_options INTERFACE _GNU_SOURCE)
target_include_directories(plateau_options INTERFACE ${CMAKE_SOURCE_DIR})
if(PLATEAU_SANITIZE)
  target_compile_definitions(plateau_options INTERFACE PLT_SANITIZED)
  target_compile_options(plateau_options INTERFACE -fsanitize=${PLATEAU_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(plateau_options INTERFACE -fsanitize=${PLATEAU_SANITIZE})
endif()

# plateau_listed(OUT ROOM): the sources ROOM/NAME.c of the rows X(NAME) of ROOM/list.h.
function(plateau_listed out room)
  set(list ${CMAKE_CURRENT_SOURCE_DIR}/${room}/list.h)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
  file(READ ${list} text)
  string(REGEX MATCHALL "[^A-Za-z0-9_]X\\([a-z0-9_]+\\)" rows "${text}")
  list(TRANSFORM rows REPLACE ".X\\((.*)\\)" "${room}/\\1.c")
  set(${out} ${rows} PARENT_SCOPE)
endfunction()

# plateau_layer(NAME SOURCES a.c ... HEADERS a.h ... USES targets ...): one layer as a static library plateau::NAME.
# HEADERS compile alone, and for who has the layer's USES only: all_verify_interface_header_sets builds each so. INNER
# are those that cannot: rows of a macro, or a library that the layer keeps to itself.
function(plateau_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;HEADERS;INNER;USES;PRIVATE" ${ARGN})
  add_library(plateau_${name} STATIC)
  add_library(plateau::${name} ALIAS plateau_${name})
  target_sources(plateau_${name}
    PRIVATE ${LAYER_SOURCES} ${LAYER_INNER}
    PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${LAYER_HEADERS})
  set_target_properties(plateau_${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  target_link_libraries(plateau_${name} PUBLIC ${LAYER_USES} plateau_options PRIVATE ${LAYER_PRIVATE})
endfunction()

# plateau_protobuf(TARGET DIR/NAME.proto): NAME.pb-c.{c,h} made and compiled; not held to our warnings.
function(plateau_protobuf target file)
  get_filename_component(name ${file} NAME_WE)
  get_filename_component(dir ${file} DIRECTORY)
  set(made ${CMAKE_CURRENT_BINARY_DIR}/${name}.pb-c)
  add_custom_command(
    OUTPUT ${made}.c ${made}.h
    COMMAND ${PROTOC_C} --c_out=${CMAKE_CURRENT_BINARY_DIR} -I ${CMAKE_CURRENT_SOURCE_DIR}/${dir}
            ${CMAKE_CURRENT_SOURCE_DIR}/${file}
    DEPENDS ${file})
  add_library(${target} OBJECT ${made}.c)
  target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUFC)
  target_include_directories(${target} PUBLIC ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
