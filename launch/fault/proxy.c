/* proxy.c - see proxy.h.
 *
 * One loop: newcomers, bytes of all links, the report, then sleep until a socket is ready or the first held message is
 * due. */
#include "launch/fault/proxy.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "common/time.h"
#include "launch/fault/doors.h"
#include "launch/fault/link.h"

enum { EVENTS = 64 };
#define REPORT_NS PLT_NS_PER_S

struct plt_fault_proxy {
  plt_fault_script_t script;
  char *report;
  plt_fault_doors_t *doors;
  int signals, epoll;
  plt_fault_link_t **links;
  size_t n_links, capacity;
  plt_fault_tally_t tally;
  int64_t begun_ns, reported_ns;
};

/* ---- life ---- */

/* Another thread (OpenBLAS has some) may be the one that is interrupted: the loop is woken, whoever it is. */
static int signalled;
static void on_signal(int number) {
  (void)number;
  eventfd_write(signalled, 1);
}

static plt_status_t open_all(plt_fault_proxy_t *proxy, const char *listen) {
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  proxy->signals = signalled = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  proxy->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (proxy->signals < 0 || proxy->epoll < 0) return plt_fail_errno(PLT_ERR_CREATE, "cannot wait for sockets");
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  struct epoll_event event = {.events = EPOLLIN};
  if (epoll_ctl(proxy->epoll, EPOLL_CTL_ADD, proxy->signals, &event) != 0)
    return plt_fail_errno(PLT_ERR_CREATE, "cannot wait for sockets");
  return plt_fault_doors_open(listen, proxy->epoll, &proxy->doors);
}

plt_status_t plt_fault_proxy_open(const char *listen, const plt_fault_script_t *script, const char *report,
                                  plt_fault_proxy_t **out) {
  plt_fault_proxy_t *proxy = plt_mem_zalloc(1, sizeof *proxy);
  *proxy = (plt_fault_proxy_t){.script = *script,
                               .report = report == NULL ? NULL : plt_mem_strdup(report),
                               .signals = -1,
                               .epoll = -1,
                               .begun_ns = plt_time_ns()};
  plt_status_t status = open_all(proxy, listen);
  if (status != PLT_OK) {
    plt_fault_proxy_close(&proxy);
    return status;
  }
  *out = proxy;
  return PLT_OK;
}

void plt_fault_proxy_close(plt_fault_proxy_t **proxy_at) {
  plt_fault_proxy_t *proxy = *proxy_at;
  if (proxy == NULL) return;
  for (size_t i = 0; i < proxy->n_links; i++) plt_fault_link_destroy(&proxy->links[i]);
  plt_fault_doors_close(&proxy->doors);
  if (proxy->signals >= 0) close(proxy->signals);
  if (proxy->epoll >= 0) close(proxy->epoll);
  free(proxy->links);
  free(proxy->report);
  free(proxy);
  *proxy_at = NULL;
}

const char *plt_fault_proxy_address(const plt_fault_proxy_t *proxy) { return plt_fault_doors_address(proxy->doors); }

char *plt_fault_proxy_tally(const plt_fault_proxy_t *proxy) {
  return plt_fault_tally_write(&proxy->tally, proxy->script.seed, plt_time_seconds(plt_time_ns() - proxy->begun_ns));
}

/* ---- the loop ---- */

static void accept_all(plt_fault_proxy_t *proxy, int64_t now_ns) {
  struct sockaddr_storage to;
  socklen_t bytes;
  plt_fault_doors_serve(proxy->doors, now_ns);
  for (int client; plt_fault_doors_take(proxy->doors, now_ns, &client, &to, &bytes);) {
    PLT_MEM_GROW(proxy->links, proxy->n_links, proxy->capacity);
    proxy->links[proxy->n_links++] = plt_fault_link_create(proxy->epoll, client, &to, bytes, &proxy->script,
                                                           (uint32_t)proxy->tally.connections++, &proxy->tally);
  }
}

/* When the partition that is under way ends; what is past if there is none. */
static int64_t partition_end(plt_fault_proxy_t *proxy, int64_t now_ns) {
  double every = proxy->script.partition_every_s, since = plt_time_seconds(now_ns - proxy->begun_ns);
  if (every <= 0 || since < every) return 0;
  double begun = floor(since / every) * every;
  proxy->tally.partitions = (uint64_t)fmin(since / every, 1e18);
  return proxy->begun_ns + (int64_t)((begun + proxy->script.partition_s) * (double)PLT_NS_PER_S);
}

/* Moves bytes of all links and forgets those that are over. Returns when the next one wants to be asked. */
static int64_t work(plt_fault_proxy_t *proxy, int64_t now_ns) {
  int64_t blocked_until_ns = partition_end(proxy, now_ns), again_ns = INT64_MAX;
  size_t kept = 0;
  for (size_t i = 0; i < proxy->n_links; i++) {
    int64_t due_ns = plt_fault_link_work(proxy->links[i], now_ns, blocked_until_ns);
    if (plt_fault_link_is_over(proxy->links[i])) {
      plt_fault_link_destroy(&proxy->links[i]);
      continue;
    }
    if (due_ns < again_ns) again_ns = due_ns;
    proxy->links[kept++] = proxy->links[i];
  }
  proxy->n_links = kept;
  return again_ns;
}

static plt_status_t report(plt_fault_proxy_t *proxy, int64_t now_ns) {
  if (proxy->report == NULL || now_ns - proxy->reported_ns < REPORT_NS) return PLT_OK;
  char *line = plt_fault_proxy_tally(proxy);
  char *text = plt_mem_print("%s\n", line);
  plt_status_t status = plt_file_publish(proxy->report, text, strlen(text));
  free(text);
  free(line);
  proxy->reported_ns = now_ns;
  return status;
}

static int timeout_ms(const plt_fault_proxy_t *proxy, int64_t again_ns) {
  int64_t now_ns = plt_time_ns(), until_ns = again_ns - now_ns, most_ns = REPORT_NS;
  if (proxy->script.partition_every_s > 0) most_ns = REPORT_NS / 20; /* partitions begin by themselves */
  if (until_ns > most_ns) until_ns = most_ns;
  return until_ns <= 0 ? 0 : (int)((until_ns + PLT_NS_PER_MS - 1) / PLT_NS_PER_MS);
}

static bool is_told_to_end(const plt_fault_proxy_t *proxy) {
  eventfd_t times;
  return eventfd_read(proxy->signals, &times) == 0;
}

/* Every link is asked in every turn: jobs have few, and a message in one may make room in another. */
plt_status_t plt_fault_proxy_run(plt_fault_proxy_t *proxy) {
  while (!is_told_to_end(proxy)) {
    struct epoll_event events[EVENTS];
    int64_t now_ns = plt_time_ns();
    accept_all(proxy, now_ns);
    int64_t again_ns = work(proxy, now_ns);
    PLT_TRY(report(proxy, now_ns));
    if (epoll_wait(proxy->epoll, events, EVENTS, timeout_ms(proxy, again_ns)) < 0 && errno != EINTR)
      return plt_fail_errno(PLT_ERR_IO, "cannot wait for sockets");
  }
  proxy->reported_ns = 0;
  return report(proxy, plt_time_ns());
}
