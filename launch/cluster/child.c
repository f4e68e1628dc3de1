/* child.c - see child.h. */
#include "launch/cluster/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
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
#include "launch/cluster/control.h"
#include "launch/host/limits.h"
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

/* ---- messages ---- */

static bool write_all(int fd, const void *bytes, size_t n) {
  for (const char *at = bytes; n > 0;) {
    ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    at += sent;
    n -= (size_t)sent;
  }
  return true;
}

static bool read_all(int fd, void *bytes, size_t n, int flags) {
  for (char *at = bytes; n > 0;) {
    ssize_t got = recv(fd, at, n, flags);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    n -= (size_t)got;
  }
  return true;
}

/* Clears the packet. */
static bool write_packet(int fd, plt_packet_t *packet) {
  uint32_t length = (uint32_t)packet->n;
  bool sent = write_all(fd, &length, sizeof length) && write_all(fd, packet->bytes, packet->n);
  plt_packet_clear(packet);
  return sent;
}

/* False when less than a whole packet of at most `limit` bytes is there. */
static bool read_packet(int fd, int flags, size_t limit, plt_packet_t *packet) {
  uint32_t length;
  *packet = (plt_packet_t){0};
  if (!read_all(fd, &length, sizeof length, flags) || length == 0 || length > limit) return false;
  *packet = (plt_packet_t){.bytes = plt_mem_zalloc(1, length), .n = length};
  if (read_all(fd, packet->bytes, length, flags)) return true;
  plt_packet_clear(packet);
  return false;
}

/* ---- in the supervisor ---- */

static plt_status_t start(const plt_brief_t *brief, const int sockets[2], plt_child_t *out) {
  const char *role = brief->is_server ? "server" : "worker";
  int pair[2];
  char path[PLT_PATH_MAX];
  PLT_TRY(plt_self_path(path));
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return plt_fail_errno(PLT_ERR_IO, "cannot make a socket pair");
  pid_t parent = getpid(), pid = fork();
  if (pid == 0) become(path, role, brief->number, parent, pair[1], sockets);
  close(pair[1]);
  if (pid < 0) {
    close(pair[0]);
    return plt_fail_errno(PLT_ERR_IO, "cannot start %s %" PRIu32, role, brief->number);
  }
  *out = (plt_child_t){.pid = pid, .control = pair[0], .pidfd = pidfd_open(pid, 0)};
  return PLT_OK;
}

plt_status_t plt_child_spawn(const plt_brief_t *brief, const int sockets[2], plt_child_t *out) {
  plt_packet_t packet;
  PLT_TRY(plt_control_pack_brief(brief, &packet));
  plt_status_t status = start(brief, sockets, out);
  if (status != PLT_OK) {
    plt_packet_clear(&packet);
    return status;
  }
  if (write_packet(out->control, &packet)) return PLT_OK;
  plt_child_kill(out);
  return plt_fail(PLT_ERR_IO, "%s %" PRIu32 " did not start", brief->is_server ? "server" : "worker", brief->number);
}

void plt_child_interrupt(const plt_child_t *child) {
  if (child->pid != 0) write_all(child->control, "I", 1);
}

static void forget(plt_child_t *child) {
  close(child->control);
  if (child->pidfd >= 0) close(child->pidfd);
  *child = (plt_child_t){.control = -1, .pidfd = -1};
}

/* What it said before it ended; leaves *ending where it said nothing. */
static void hear(int control, plt_ending_t *ending) {
  plt_packet_t packet;
  if (!read_packet(control, MSG_DONTWAIT, PLT_NOTE_BYTES_MAX, &packet)) return;
  plt_control_unpack_ending(packet.bytes, packet.n, ending);
  plt_packet_clear(&packet);
}

bool plt_child_reap(plt_child_t *child, plt_ending_t *ending) {
  int how;
  if (child->pid == 0 || waitpid(child->pid, &how, WNOHANG) != child->pid) return false;
  *ending = (plt_ending_t){.status = PLT_ERR_BUG};
  if (WIFSIGNALED(how)) {
    ending->status = PLT_ERR_PEER;
    ending->signal = WTERMSIG(how);
    int length = snprintf(ending->text, sizeof ending->text, "was ended by signal %d (%s)", ending->signal,
                          strsignal(ending->signal));
    uint64_t most = plt_limits_group("").memory_most;
    if (ending->signal == SIGKILL && most != UINT64_MAX)
      snprintf(ending->text + length, sizeof ending->text - (size_t)length,
               "; the control group has a limit of %.0f MB of memory, beyond which processes are ended like that",
               (double)most / 1e6);
  } else {
    snprintf(ending->text, sizeof ending->text, "ended with code %d and no word", WEXITSTATUS(how));
    if (WEXITSTATUS(how) == plt_status_exit(PLT_ERR_MEMORY)) ending->status = PLT_ERR_MEMORY; /* not even for that */
    hear(child->control, ending);
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

plt_status_t plt_child_read_brief(int control, plt_brief_t *brief) {
  plt_packet_t packet;
  if (!read_packet(control, 0, PLT_BRIEF_BYTES_MAX, &packet))
    return plt_fail(PLT_ERR_USAGE, "the roles of a job are started by plateau train under mpirun");
  plt_status_t status = plt_control_unpack_brief(packet.bytes, packet.n, brief);
  plt_packet_clear(&packet);
  return status;
}

void plt_child_report(int control, const plt_ending_t *ending) {
  plt_packet_t packet;
  if (plt_control_pack_ending(ending, &packet) == PLT_OK) write_packet(control, &packet);
}

struct plt_orders {
  int control;
  atomic_int *interrupted;
  pthread_t thread;
};

static void *watch(void *argument) {
  const plt_orders_t *orders = argument;
  char order;
  while (read_all(orders->control, &order, 1, 0))
    if (order == 'I') atomic_store(orders->interrupted, 1);
  return NULL;
}

plt_orders_t *plt_orders_watch(int control, atomic_int *interrupted) {
  plt_orders_t *orders = plt_mem_alloc(sizeof *orders);
  *orders = (plt_orders_t){.control = control, .interrupted = interrupted};
  if (pthread_create(&orders->thread, NULL, watch, orders) == 0) return orders;
  free(orders);
  return NULL;
}

void plt_orders_ignore(plt_orders_t **orders) {
  if (*orders == NULL) return;
  shutdown((*orders)->control, SHUT_RD); /* wakes the thread; the ending can still be written */
  pthread_join((*orders)->thread, NULL);
  free(*orders);
  *orders = NULL;
}
