/* stranger.h - somebody who does not belong to a job, at its tcp ports: plain sockets, no ZeroMQ, no secret. */
#ifndef PLT_TESTS_FAULT_STRANGER_H
#define PLT_TESTS_FAULT_STRANGER_H

#include <stdatomic.h>
#include <stdint.h>

#define STRANGER_LIST(X)                                                             \
  X(silent, "connects and says nothing")                                             \
  X(half, "sends a good greeting, then nothing")                                     \
  X(slow, "sends a good greeting, one byte a second")                                \
  X(garbage, "sends random bytes")                                                   \
  X(null, "speaks ZMTP without a secret, then sends messages")                       \
  X(token, "speaks ZMTP PLAIN with a wrong token, then sends messages all the same") \
  X(big, "begins a handshake command of 2 GiB")                                      \
  X(flood, "connects and hangs up as fast as it can")
#define STRANGER_ENUM(name, what) STRANGER_##name,
typedef enum { STRANGER_LIST(STRANGER_ENUM) STRANGER_KINDS } stranger_kind_t;
#undef STRANGER_ENUM

/* STRANGER_KINDS if there is none of that name. */
stranger_kind_t stranger_find(const char *name);

typedef struct stranger_count {
  uint64_t connected, cut; /* connections made; ended by the other side */
  uint64_t bytes;          /* sent */
} stranger_count_t;

/* Keeps `n` connections to 127.0.0.1:port busy until *stop. */
void stranger_attack(stranger_kind_t kind, uint16_t port, unsigned n, const atomic_int *stop, stranger_count_t *count);

#endif
