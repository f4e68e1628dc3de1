/* stranger_main.c - stranger PORT SECONDS KIND=CONNECTIONS...: attacks a port of this machine in several ways at once.
 * Prints a line per kind. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/fault/stranger.h"

typedef struct attack {
  const char *name;
  stranger_kind_t kind;
  uint16_t port;
  unsigned n;
  pthread_t thread;
  stranger_count_t count;
} attack_t;

static atomic_int stop;

static void on_signal(int number) { atomic_store(&stop, number); }

static void *attack_main(void *argument) {
  attack_t *attack = argument;
  stranger_attack(attack->kind, attack->port, attack->n, &stop, &attack->count);
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 4) {
#define STRANGER_HELP(name, what) "  " #name "  " what "\n"
    fprintf(stderr, "usage: stranger PORT SECONDS KIND=CONNECTIONS...\n%s", STRANGER_LIST(STRANGER_HELP));
#undef STRANGER_HELP
    return 64;
  }
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  int n = argc - 3;
  attack_t *attacks = calloc((size_t)n, sizeof *attacks);
  if (attacks == NULL) return 70;
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);
  for (int i = 0; i < n; i++) {
    char *equals = strchr(argv[3 + i], '=');
    if (equals == NULL) return 64;
    *equals = '\0';
    attacks[i] = (attack_t){.name = argv[3 + i],
                            .kind = stranger_find(argv[3 + i]),
                            .port = (uint16_t)atoi(argv[1]),
                            .n = (unsigned)atoi(equals + 1)};
    if (attacks[i].kind == STRANGER_KINDS || attacks[i].n == 0) return 64;
  }
  for (int i = 0; i < n; i++)
    if (pthread_create(&attacks[i].thread, NULL, attack_main, &attacks[i]) != 0) return 70;
  for (int tenths = 10 * atoi(argv[2]); tenths > 0 && !atomic_load(&stop); tenths--)
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  atomic_store(&stop, 1);
  for (int i = 0; i < n; i++) {
    pthread_join(attacks[i].thread, NULL);
    printf("%s %u: %llu connections, %llu cut, %llu bytes\n", attacks[i].name, attacks[i].n,
           (unsigned long long)attacks[i].count.connected, (unsigned long long)attacks[i].count.cut,
           (unsigned long long)attacks[i].count.bytes);
  }
  free(attacks);
  return 0;
}
