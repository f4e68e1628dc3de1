/* child.c - see child.h. */
#include "launch/cluster/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/mem.h"
#include "launch/host/self.h"

enum { HIGH = 64 }; /* descriptors are moved above the places they go to before they are put there */

/* In the forked child: only the descriptors that are handed down stay, in their places. */
static void arrange_descriptors(int control, const int sockets[2]) {
  int from[3] = {control, sockets[0], sockets[1]};
  for (int i = 0; i < 3; i++)
    if (from[i] >= 0) from[i] = fcntl(from[i], F_DUPFD, HIGH + i);
  for (int i = 0; i < 3; i++) {
    if (from[i] >= 0)
      dup2(from[i], PLT_CHILD_CONTROL + i);
    else
      close(PLT_CHILD_CONTROL + i);
  }
  close_range(PLT_CHILD_CONTROL + 3, ~0U, 0);
}

/* Launchers' variables would make a child's library believe that it is a rank. */
static void scrub_environment(void) {
  static const char *const prefixes[] = {"OMPI_", "PMIX_", "ORTE_", "PMI_", "OPAL_"};
  for (char **variable = environ; *variable != NULL;) {
    char name[256];
    size_t length = strcspn(*variable, "=");
    bool scrub = false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
      scrub = scrub || strncmp(*variable, prefixes[i], strlen(prefixes[i])) == 0;
    if (!scrub || length >= sizeof name) {
      variable++;
      continue;
    }
    memcpy(name, *variable, length);
    name[length] = '\0';
    unsetenv(name); /* moves the rest down: look at the same place again */
  }
}

static void become(const char *path, const char *role, unsigned number, pid_t parent, int control,
                   const int sockets[2]) {
  static const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
  char text[16];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(75);
  setpgid(0, 0);
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  arrange_descriptors(control, sockets);
  scrub_environment();
  snprintf(text, sizeof text, "%u", number);
  char *const arguments[] = {(char *)(uintptr_t) "plateau", (char *)(uintptr_t)role, text, NULL};
  plt_self_exec(path, arguments);
  _exit(70);
}

static bool write_all(int fd, const char *text, size_t bytes) {
  while (bytes > 0) {
    ssize_t sent = send(fd, text, bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    text += sent;
    bytes -= (size_t)sent;
  }
  return true;
}

plt_status_t plt_child_spawn(const char *role, unsigned number, const int sockets[2], const char *runtime,
                             plt_child_t *out) {
  int pair[2];
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_self_path(path));
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return plt_fail_errno(PLT_ERR_IO, "cannot make a socket pair");
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) become(path, role, number, parent, pair[1], sockets);
  close(pair[1]);
  if (pid < 0) {
    close(pair[0]);
    return plt_fail_errno(PLT_ERR_IO, "cannot start %s %u", role, number);
  }
  *out = (plt_child_t){.pid = pid, .control = pair[0], .pidfd = pidfd_open(pid, 0)};
  char *line = plt_mem_print("%s\n", runtime);
  bool sent = write_all(pair[0], line, strlen(line));
  explicit_bzero(line, strlen(line));
  free(line);
  if (sent) return PLT_OK;
  plt_child_kill(out);
  return plt_fail(PLT_ERR_IO, "%s %u did not start", role, number);
}

void plt_child_interrupt(const plt_child_t *child) {
  if (child->pid != 0) write_all(child->control, "I", 1);
}

static void read_report(int control, plt_child_end_t *end) {
  char text[sizeof end->text + 16];
  ssize_t length = 0, got;
  while (length < (ssize_t)sizeof text - 1 &&
         (got = recv(control, text + length, sizeof text - 1 - (size_t)length, MSG_DONTWAIT)) > 0)
    length += got;
  text[length] = '\0';
  char *rest;
  unsigned long status = strtoul(text, &rest, 10);
  if (rest == text || status >= PLT_STATUS_COUNT) return;
  end->status = (plt_status_t)status;
  snprintf(end->text, sizeof end->text, "%s", *rest == ' ' ? rest + 1 : rest);
}

static void forget(plt_child_t *child) {
  close(child->control);
  if (child->pidfd >= 0) close(child->pidfd);
  *child = (plt_child_t){.control = -1, .pidfd = -1};
}

bool plt_child_reap(plt_child_t *child, plt_child_end_t *end) {
  int how;
  if (child->pid == 0 || waitpid(child->pid, &how, WNOHANG) != child->pid) return false;
  *end = (plt_child_end_t){.status = PLT_ERR_BUG};
  if (WIFSIGNALED(how)) {
    end->status = PLT_ERR_PEER;
    end->signal = WTERMSIG(how);
    snprintf(end->text, sizeof end->text, "was ended by signal %d (%s)", end->signal, strsignal(end->signal));
  } else {
    snprintf(end->text, sizeof end->text, "ended with code %d and no word", WEXITSTATUS(how));
    read_report(child->control, end);
  }
  forget(child);
  return true;
}

void plt_child_kill(plt_child_t *child) {
  if (child->pid == 0) return;
  kill(child->pid, SIGKILL);
  while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR) continue;
  forget(child);
}

/* ---- in the child ---- */

char *plt_child_read_runtime(void) {
  size_t n = 0, capacity = 0;
  char *line = NULL;
  for (;;) {
    PLT_MEM_GROW(line, n, capacity);
    ssize_t got = read(PLT_CHILD_CONTROL, line + n, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || line[n] == '\n') break;
    n++;
  }
  line[n] = '\0';
  return line;
}

char plt_child_read_order(void) {
  char order;
  if (recv(PLT_CHILD_CONTROL, &order, 1, MSG_DONTWAIT) != 1) return '\0';
  return order;
}

void plt_child_report(plt_status_t status, const char *text) {
  char line[2048];
  snprintf(line, sizeof line, "%d %s", (int)status, text);
  write_all(PLT_CHILD_CONTROL, line, strlen(line));
}
