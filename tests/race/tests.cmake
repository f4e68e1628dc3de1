# Built and run in all presets; the thread sanitizer's run is what they are for (tests/run). libzmq and others are not
# instrumented: what they do among themselves is none of our races (proto/wire/wire.c tells of the frames they hand over).
foreach(job auto tcp "auto lightgcn")
  separate_arguments(job)
  string(REPLACE ";" "." name "${job}")
  plateau_shell(race.train.${name} COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/race/train.sh ${job}
                LABELS race TIMEOUT 500)
  set_property(TEST race.train.${name} APPEND PROPERTY
    ENVIRONMENT "TSAN_OPTIONS=ignore_noninstrumented_modules=1 exitcode=66")
  set_property(TEST race.train.${name} APPEND PROPERTY FAIL_REGULAR_EXPRESSION "WARNING: ThreadSanitizer")
endforeach()
