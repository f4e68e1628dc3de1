/* last_word.c - see last_word.h. */
#include "launch/host/last_word.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/status.h"

void plt_last_word_say(void) {
  static bool has_spoken;
  if (has_spoken) return;
  has_spoken = true;
  /* A configuration may have several faults, one a line. */
  for (const char *line = plt_fail_text(); *line != '\0';) {
    int length = (int)strcspn(line, "\n");
    fprintf(stderr, "plateau: error: %.*s\n", length, line);
    plt_log(PLT_LOG_INFO, "error: %.*s", length, line); /* stderr may be a pipe whose reader is gone */
    line += length + (line[length] == '\n');
  }
}
