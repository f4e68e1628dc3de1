# cmake -D SOURCE=DIR -D OUT=FILE -P Commit.cmake: writes a header that says which commit the sources in DIR are of:
# git's, with -dirty if tracked files differ from it; else the one that `git archive` left in commit.txt; else unknown.
# Run at each build. The header is written when it would be another one, so that one file is compiled anew then.
cmake_minimum_required(VERSION 3.24) # a script has no policies of its project
set(commit unknown)
file(STRINGS ${SOURCE}/cmake/commit.txt archived LIMIT_COUNT 1)
if(archived MATCHES "^[0-9a-f]+$")
  string(SUBSTRING ${archived} 0 12 commit)
endif()
find_program(GIT git)
if(GIT)
  # Sources without a .git of their own may lie in somebody else's repository.
  execute_process(COMMAND ${GIT} -C ${SOURCE} rev-parse --show-toplevel
                  OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE no_repository)
  file(REAL_PATH ${SOURCE} source)
  if(no_repository EQUAL 0 AND top STREQUAL source)
    execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=*
                    OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE no_commit)
    if(no_commit EQUAL 0)
      set(commit ${described})
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define PLT_COMMIT \"@commit@\"\n" @ONLY)
