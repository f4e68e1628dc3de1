/* role.c - `plateau server` and `plateau worker`: what a supervisor starts as its child (launch/cluster/child.h).
 * People do not call these commands. */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/io/mapped.h"
#include "common/log.h"
#include "launch/cluster/role.h"
#include "launch/commands/command.h"
#include "launch/host/exhausted.h"

/* Maybe from a signal handler: the conductor says it. */
static void die(plt_status_t status, const char *about, const char *text) {
  plt_ending_t ending = {.status = status};
  snprintf(ending.text, sizeof ending.text, "%s%s", about, text);
  plt_child_report(PLT_CHILD_CONTROL, &ending);
  _exit(plt_status_exit(status));
}
static void die_of_file(const char *text) { die(PLT_ERR_IO, "", text); }
static void die_of_memory(const char *text) { die(PLT_ERR_MEMORY, "out of memory: ", text); }

static plt_status_t run(int argc, char **argv) {
  (void)argc;
  plt_maps_guard(die_of_file);
  plt_exhausted_guard(die_of_memory);
  prctl(PR_SET_NAME, "plateau"); /* also when it was started through /proc/self/exe */
  plt_brief_t brief = {0};
  plt_standing_t standing = {0};
  plt_status_t status = plt_child_read_brief(PLT_CHILD_CONTROL, &brief);
  if (status == PLT_ERR_USAGE) return plt_fail_within(status, "plateau %s", argv[0]);
  if (status == PLT_OK) status = plt_role_play(&brief, PLT_CHILD_CONTROL, PLT_CHILD_SOCKETS, &standing);
  if (fflush(stdout) != 0 && status == PLT_OK) status = plt_fail_errno(PLT_ERR_IO, "standard output");
  if (status != PLT_OK) plt_log(PLT_LOG_INFO, "ends: %s", plt_fail_text());
  plt_ending_t ending = {.status = status, .standing = standing};
  ending.has_standing = status == PLT_OK && !brief.is_server && brief.number == 0;
  if (status != PLT_OK) snprintf(ending.text, sizeof ending.text, "%s", plt_fail_text());
  plt_child_report(PLT_CHILD_CONTROL, &ending);
  plt_brief_clear(&brief);
  return plt_fail(status, "%s", ""); /* the conductor prints the text, once */
}

const plt_command_t plt_command_server = {
    .name = "server",
    .summary = NULL,
    .usage =
        "plateau server is started by plateau train under mpirun.\nExample: mpirun -n 4 plateau train CONFIG.yaml\n",
    .run = run};
const plt_command_t plt_command_worker = {
    .name = "worker",
    .summary = NULL,
    .usage =
        "plateau worker is started by plateau train under mpirun.\nExample: mpirun -n 4 plateau train CONFIG.yaml\n",
    .run = run};
