/* last_word.c - see last_word.h. */
#include "launch/host/last_word.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/utf8.h"

void plt_last_word_say(plt_status_t status) {
  static atomic_bool has_spoken;
  static char shown[4 * PLT_FAIL_TEXT_MAX + 1]; /* memory may be what has failed */
  if (atomic_exchange(&has_spoken, true)) return;
  const char *prefix = status == PLT_ERR_PREEMPTED || status == PLT_ERR_STOPPED ? "" : "error: ";
  /* A configuration may have several faults, one a line. */
  for (const char *line = plt_fail_text(); *line != '\0';) {
    int length = (int)strcspn(line, "\n");
    fprintf(stderr, "plateau: %s%s\n", prefix, plt_text_show(line, (size_t)length, shown));
    plt_log(PLT_LOG_INFO, "%s%.*s", prefix, length, line); /* stderr may be a pipe whose reader is gone */
    line += length + (line[length] == '\n');
  }
}
