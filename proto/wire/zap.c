/* zap.c - see zap.h.
 *
 * Bytes of strangers come in here: frames are bounded, secrets compared in the same time wherever they differ, requests
 * wiped. */
#include "proto/wire/zap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/mem.h"
#include "proto/wire/calls.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_DOMAIN "plateau"
#define USER_NAME "plateau"

enum {
  ZAP_FRAMES = 8, /* of a request, at most (PLAIN; CURVE has 7) */
  ZAP_FRAME_BYTES = 256,
  CURVE_KEY_BYTES = 32
};

struct plt_zap {
  plt_secret_t secret;
  unsigned char client_key[CURVE_KEY_BYTES];
  void *socket;
};

plt_zap_t *plt_zap_create(void) { return plt_mem_zalloc(1, sizeof(plt_zap_t)); }

void plt_zap_destroy(plt_zap_t **zap) {
  if (*zap == NULL) return;
  plt_zap_close(*zap);
  explicit_bzero(*zap, sizeof **zap);
  free(*zap);
  *zap = NULL;
}

void plt_zap_set(plt_zap_t *zap, const plt_secret_t *secret) {
  zap->secret = *secret;
  if (secret->mode == PLT_SECURITY_CURVE) zmq_z85_decode(zap->client_key, secret->client_public);
}

/* ---- sockets ---- */

static int set_text(void *socket, int option, const char *text) {
  return zmq_setsockopt(socket, option, text, strlen(text));
}

int plt_zap_secure_server(const plt_zap_t *zap, void *socket) {
  const plt_secret_t *secret = &zap->secret;
  int on = 1, failed = 0;
  if (secret->mode == PLT_SECURITY_NONE) return 0;
  failed |= set_text(socket, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN);
  if (secret->mode == PLT_SECURITY_TOKEN) failed |= zmq_setsockopt(socket, ZMQ_PLAIN_SERVER, &on, sizeof on);
  if (secret->mode == PLT_SECURITY_CURVE) {
    failed |= zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof on);
    failed |= set_text(socket, ZMQ_CURVE_SECRETKEY, secret->server_secret);
  }
  return failed;
}

int plt_zap_secure_client(const plt_zap_t *zap, void *socket) {
  const plt_secret_t *secret = &zap->secret;
  int failed = 0;
  if (secret->mode == PLT_SECURITY_TOKEN) {
    failed |= set_text(socket, ZMQ_PLAIN_USERNAME, USER_NAME);
    failed |= set_text(socket, ZMQ_PLAIN_PASSWORD, secret->token);
  }
  if (secret->mode == PLT_SECURITY_CURVE) {
    failed |= set_text(socket, ZMQ_CURVE_SERVERKEY, secret->server_public);
    failed |= set_text(socket, ZMQ_CURVE_PUBLICKEY, secret->client_public);
    failed |= set_text(socket, ZMQ_CURVE_SECRETKEY, secret->client_secret);
  }
  return failed;
}

/* ---- questions ---- */

int plt_zap_open(plt_zap_t *zap, void *context) {
  int linger = 0;
  zap->socket = zmq_socket(context, ZMQ_REP);
  if (zap->socket == NULL) return -1;
  zmq_setsockopt(zap->socket, ZMQ_LINGER, &linger, sizeof linger);
  if (plt_zmq_bind(zap->socket, ZAP_ENDPOINT) == 0) return 0;
  int error = errno;
  plt_zap_close(zap);
  errno = error;
  return -1;
}

void plt_zap_close(plt_zap_t *zap) {
  if (zap->socket != NULL) zmq_close(zap->socket);
  zap->socket = NULL;
}

void *plt_zap_socket(const plt_zap_t *zap) { return zap->socket; }

/* Takes the same time wherever they differ. */
static bool same_bytes(const void *a, const void *b, size_t n) {
  const volatile unsigned char *x = a, *y = b;
  unsigned char differ = 0;
  for (size_t i = 0; i < n; i++) differ |= x[i] ^ y[i];
  return differ == 0;
}

typedef struct zap_request {
  size_t n;
  size_t bytes[ZAP_FRAMES];
  char frame[ZAP_FRAMES][ZAP_FRAME_BYTES];
} zap_request_t;

static bool zap_receive(void *socket, zap_request_t *request) {
  int more = 1;
  request->n = 0;
  while (more) {
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
      zmq_msg_close(&frame);
      return false;
    }
    size_t bytes = zmq_msg_size(&frame);
    if (request->n < ZAP_FRAMES && bytes <= ZAP_FRAME_BYTES) {
      memcpy(request->frame[request->n], zmq_msg_data(&frame), bytes);
      request->bytes[request->n] = bytes;
    } else {
      request->bytes[ZAP_FRAMES - 1] = SIZE_MAX; /* fits nothing */
    }
    if (request->n < ZAP_FRAMES) request->n++;
    more = zmq_msg_more(&frame);
    zmq_msg_close(&frame);
  }
  return true;
}

static bool frame_is(const zap_request_t *request, size_t i, const void *bytes, size_t n) {
  return i < request->n && request->bytes[i] == n && same_bytes(request->frame[i], bytes, n);
}

/* Frames: version, request id, domain, address, identity, mechanism, credentials. */
static bool zap_admits(const plt_zap_t *zap, const zap_request_t *request) {
  if (!frame_is(request, 0, "1.0", 3) || !frame_is(request, 2, ZAP_DOMAIN, strlen(ZAP_DOMAIN))) return false;
  switch (zap->secret.mode) {
    case PLT_SECURITY_NONE: return frame_is(request, 5, "NULL", 4);
    case PLT_SECURITY_TOKEN:
      return frame_is(request, 5, "PLAIN", 5) && frame_is(request, 6, USER_NAME, strlen(USER_NAME)) &&
             frame_is(request, 7, zap->secret.token, PLT_TOKEN_HEX);
    case PLT_SECURITY_CURVE:
      return frame_is(request, 5, "CURVE", 5) && frame_is(request, 6, zap->client_key, CURVE_KEY_BYTES);
  }
  return false;
}

uint64_t plt_zap_answer(plt_zap_t *zap) {
  zap_request_t request = {0};
  uint64_t refused = 0;
  while (zap_receive(zap->socket, &request)) {
    bool admitted = zap_admits(zap, &request);
    const char *status = admitted ? "200" : "400", *user = admitted ? USER_NAME : "";
    refused += !admitted;
    zmq_send_const(zap->socket, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(zap->socket, request.frame[1], request.n > 1 ? request.bytes[1] : 0, ZMQ_SNDMORE);
    zmq_send(zap->socket, status, 3, ZMQ_SNDMORE);
    zmq_send_const(zap->socket, "", 0, ZMQ_SNDMORE);
    zmq_send(zap->socket, user, strlen(user), ZMQ_SNDMORE);
    zmq_send_const(zap->socket, "", 0, 0);
    explicit_bzero(&request, sizeof request);
  }
  return refused;
}
