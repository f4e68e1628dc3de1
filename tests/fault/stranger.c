/* stranger.c - see stranger.h. */
#include "tests/fault/stranger.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { GREETING = 64, SPEECH = 4096, PAUSE_MS = 50, SECOND_MS = 1000 };

typedef struct guest {
  int fd;
  bool connected;
  size_t said;
  int64_t next_ms; /* when to connect, or to say a byte */
} guest_t;

stranger_kind_t stranger_find(const char *name) {
#define STRANGER_NAME(name, what) #name,
  static const char *const names[] = {STRANGER_LIST(STRANGER_NAME)};
#undef STRANGER_NAME
  int kind = 0;
  while (kind < STRANGER_KINDS && strcmp(names[kind], name) != 0) kind++;
  return (stranger_kind_t)kind;
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static size_t put(char *speech, size_t at, const void *bytes, size_t n) {
  memcpy(speech + at, bytes, n);
  return at + n;
}

/* ZMTP 3.0: signature, version, mechanism. */
static size_t put_greeting(char *speech, const char *mechanism) {
  memset(speech, 0, GREETING);
  speech[0] = (char)0xff;
  speech[9] = 0x7f;
  speech[10] = 3;
  memcpy(speech + 12, mechanism, strlen(mechanism));
  return GREETING;
}

/* A DEALER's READY and a message of two frames. */
static size_t put_messages(char *speech, size_t at) {
  static const char ready[] =
      "\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06"
      "DEALER";
  static const char message[] =
      "\x01\x05Hello\x00\x04"
      "from";
  at = put(speech, at, ready, sizeof ready - 1);
  for (int i = 0; i < 16; i++) at = put(speech, at, message, sizeof message - 1);
  return at;
}

/* What this stranger has to say; the rest of `speech` is random. */
static size_t prepare(stranger_kind_t kind, char speech[SPEECH]) {
  if (getrandom(speech, SPEECH, 0) != SPEECH) abort();
  switch (kind) {
    case STRANGER_half:
    case STRANGER_slow: return put_greeting(speech, "PLAIN");
    case STRANGER_garbage: return SPEECH;
    case STRANGER_null: return put_messages(speech, put_greeting(speech, "NULL"));
    case STRANGER_token: {
      char hello[2 + 6 + 1 + 7 + 1 + 64] = "\x04\x4f\x05HELLO\x07plateau\x40";
      memset(hello + 17, 'a', 64);
      size_t at = put(speech, put_greeting(speech, "PLAIN"), hello, sizeof hello);
      static const char initiate[] =
          "\x04\x1f\x08INITIATE\x0bSocket-Type\x00\x00\x00\x06"
          "DEALER";
      at = put(speech, at, initiate, sizeof initiate - 1);
      return put_messages(speech, at);
    }
    case STRANGER_big: return put(speech, put_greeting(speech, "PLAIN"), "\x06\0\0\0\0\x7f\xff\xff\xff", 9);
    default: return 0;
  }
}

static void enter(guest_t *guest, uint16_t port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  *guest = (guest_t){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (guest->fd >= 0 && connect(guest->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
    close(guest->fd);
    guest->fd = -1;
  }
  if (guest->fd < 0) guest->next_ms = now_ms() + PAUSE_MS;
}

static void leave(stranger_kind_t kind, guest_t *guest) {
  close(guest->fd);
  *guest = (guest_t){.fd = -1, .next_ms = kind == STRANGER_flood ? 0 : now_ms() + PAUSE_MS};
}

/* Says what is due; false at the end of the connection. */
static bool speak(stranger_kind_t kind, guest_t *guest, const char *speech, size_t length, stranger_count_t *count) {
  size_t most = SPEECH;
  const char *from = speech;
  if (kind == STRANGER_flood) return false;
  if (guest->said < length) {
    from = speech + guest->said;
    most = length - guest->said;
    if (kind == STRANGER_slow) {
      if (now_ms() < guest->next_ms) return true;
      guest->next_ms = now_ms() + SECOND_MS;
      most = 1;
    }
  } else if (kind != STRANGER_garbage && kind != STRANGER_big) {
    return true;
  }
  ssize_t sent = send(guest->fd, from, most, MSG_NOSIGNAL);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  guest->said += (size_t)sent;
  count->bytes += (uint64_t)sent;
  return true;
}

void stranger_attack(stranger_kind_t kind, uint16_t port, unsigned n, const atomic_int *stop, stranger_count_t *count) {
  char speech[SPEECH], ignored[4096];
  size_t length = prepare(kind, speech);
  guest_t *guests = calloc(n, sizeof *guests);
  struct pollfd *polled = calloc(n, sizeof *polled);
  if (guests == NULL || polled == NULL) abort();
  *count = (stranger_count_t){0};
  for (unsigned i = 0; i < n; i++) enter(&guests[i], port);
  while (!atomic_load(stop)) {
    bool busy = kind == STRANGER_garbage || kind == STRANGER_big;
    for (unsigned i = 0; i < n; i++) {
      guest_t *guest = &guests[i];
      if (guest->fd < 0 && now_ms() >= guest->next_ms) enter(guest, port);
      bool speaks = !guest->connected || busy || guest->said < length;
      polled[i] = (struct pollfd){.fd = guest->fd, .events = POLLIN | (speaks && kind != STRANGER_slow ? POLLOUT : 0)};
      if (kind == STRANGER_slow && !guest->connected) polled[i].events |= POLLOUT;
    }
    if (poll(polled, n, 10) < 0 && errno != EINTR) abort();
    for (unsigned i = 0; i < n; i++) {
      guest_t *guest = &guests[i];
      if (guest->fd < 0) continue;
      bool stays = true;
      if ((polled[i].revents & (POLLOUT | POLLIN)) && !guest->connected) {
        guest->connected = true;
        count->connected++;
      }
      if (polled[i].revents & POLLIN) {
        ssize_t got = recv(guest->fd, ignored, sizeof ignored, 0);
        stays = got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
      }
      if (stays && guest->connected) stays = speak(kind, guest, speech, length, count);
      if (!stays || (polled[i].revents & (POLLERR | POLLHUP))) {
        count->cut += guest->connected && kind != STRANGER_flood;
        leave(kind, guest);
      }
    }
  }
  for (unsigned i = 0; i < n; i++)
    if (guests[i].fd >= 0) close(guests[i].fd);
  free(guests);
  free(polled);
}
