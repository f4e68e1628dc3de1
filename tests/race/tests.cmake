# Built and run in all presets; the thread sanitizer's run is what they are for (tests/run). libzmq and others are not
# instrumented: what they do among themselves is none of our races (proto/wire.c tells of the frames they hand over).
foreach(transport auto tcp)
  plateau_shell(race.train.${transport} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/race/train.sh ${transport}
                LABELS race TIMEOUT 500)
  set_property(TEST race.train.${transport} APPEND PROPERTY
    ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1 exitcode=66")
  set_property(TEST race.train.${transport} APPEND PROPERTY FAIL_REGULAR_EXPRESSION "WARNING: ThreadSanitizer")
endforeach()
