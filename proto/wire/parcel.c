/* parcel.c - see parcel.h.
 *
 * Frames are libzmq's messages. Sending hands it counted references, so a parcel can be sent again; its digest is
 * worked out once. What comes in is bounded in frames here, in bytes by the sockets (wire.c). */
#include "proto/wire/parcel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "common/hash.h"
#include "common/mem.h"

enum { FRAMES_MAX = 4096 }; /* of a message */

/* libzmq hands frames from thread to thread where the thread sanitizer cannot see it: it is told here. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
static void frame_leaves(void *bytes) { __tsan_release(bytes); }
static void frame_arrives(void *bytes) { __tsan_acquire(bytes); }
#else
static void frame_leaves(void *bytes) { (void)bytes; }
static void frame_arrives(void *bytes) { (void)bytes; }
#endif

struct plt_parcel {
  zmq_msg_t *frames;
  size_t n, capacity;
  uint64_t digest; /* of all frames, once it was needed */
  bool has_digest, is_damaged;
};

plt_parcel_t *plt_parcel_create(void) { return plt_mem_zalloc(1, sizeof(plt_parcel_t)); }

void plt_parcel_clear(plt_parcel_t *parcel) {
  for (size_t i = 0; i < parcel->n; i++) {
    frame_leaves(zmq_msg_data(&parcel->frames[i]));
    zmq_msg_close(&parcel->frames[i]);
  }
  parcel->n = 0;
  parcel->has_digest = parcel->is_damaged = false;
}

void plt_parcel_destroy(plt_parcel_t **parcel) {
  if (*parcel == NULL) return;
  plt_parcel_clear(*parcel);
  free((*parcel)->frames);
  free(*parcel);
  *parcel = NULL;
}

static zmq_msg_t *next_frame(plt_parcel_t *parcel) {
  PLT_MEM_GROW(parcel->frames, parcel->n, parcel->capacity); /* a zmq_msg_t may be moved as bytes */
  parcel->has_digest = false;
  return &parcel->frames[parcel->n++];
}

static void give_back(void *buffer, void *hint) {
  (void)hint;
  frame_arrives(buffer);
  plt_pool_give(buffer);
}

void plt_parcel_add_pooled(plt_parcel_t *parcel, void *buffer, size_t bytes) {
  zmq_msg_t *frame = next_frame(parcel);
  if (bytes == 0) { /* libzmq would not call back for an empty frame of a peer that is gone */
    zmq_msg_init(frame);
    plt_pool_give(buffer);
  } else if (zmq_msg_init_data(frame, buffer, bytes, give_back, NULL) != 0) {
    plt_mem_exhausted("a frame of a message");
  }
}

void plt_parcel_move(plt_parcel_t *parcel, plt_parcel_t *from) {
  for (size_t i = 0; i < from->n; i++) *next_frame(parcel) = from->frames[i];
  from->n = 0;
  from->has_digest = false;
}

size_t plt_parcel_frames(const plt_parcel_t *parcel) { return parcel->n; }

const void *plt_parcel_frame(const plt_parcel_t *parcel, size_t i, size_t *bytes) {
  *bytes = zmq_msg_size(&parcel->frames[i]);
  return zmq_msg_data(&parcel->frames[i]);
}

size_t plt_parcel_bytes(const plt_parcel_t *parcel) {
  size_t bytes = 0;
  for (size_t i = 0; i < parcel->n; i++) bytes += zmq_msg_size(&parcel->frames[i]);
  return bytes;
}

bool plt_parcel_is_damaged(const plt_parcel_t *parcel) { return parcel->is_damaged; }

/* libzmq calls a peer over ipc "localhost:user:group:process", from SO_PEERCRED. */
int64_t plt_parcel_sender(const plt_parcel_t *parcel) {
  unsigned user, group;
  int process, end = 0;
  const char *address = parcel->n == 0 ? NULL : zmq_msg_gets(&parcel->frames[0], "Peer-Address");
  if (address == NULL || sscanf(address, "%*[^:]:%u:%u:%d%n", &user, &group, &process, &end) != 3) return 0;
  return address[end] == '\0' && user == (unsigned)geteuid() ? process : 0;
}

/* ---- digest ---- */

/* The hashes of the frames, hashed one after another (proto/PROTOCOL.md). A hash covers the length of its frame. */
static uint64_t digest_of(const zmq_msg_t *frames, size_t n) {
  uint64_t pair[2] = {0, 0};
  for (size_t i = 0; i < n; i++) {
    zmq_msg_t *frame = (zmq_msg_t *)(uintptr_t)&frames[i]; /* zmq_msg_data does not change it */
    pair[1] = plt_hash64(0, zmq_msg_data(frame), zmq_msg_size(frame));
    pair[0] = plt_hash64(0, pair, sizeof pair);
  }
  return pair[0];
}

static uint64_t digest_for(plt_parcel_t *parcel) {
  if (!parcel->has_digest) parcel->digest = digest_of(parcel->frames, parcel->n);
  parcel->has_digest = true;
  return parcel->digest;
}

/* Takes the first frame away and compares it with the others. */
static void check_digest(plt_parcel_t *parcel) {
  uint64_t said = 0;
  bool good = zmq_msg_size(&parcel->frames[0]) == sizeof said;
  if (good) memcpy(&said, zmq_msg_data(&parcel->frames[0]), sizeof said);
  good = good && said == digest_of(parcel->frames + 1, parcel->n - 1);
  if (good) {
    zmq_msg_close(&parcel->frames[0]);
    memmove(parcel->frames, parcel->frames + 1, --parcel->n * sizeof *parcel->frames);
  } else {
    plt_parcel_clear(parcel);
    parcel->is_damaged = true;
  }
}

/* ---- across a socket ---- */

static int send_frame(void *socket, zmq_msg_t *frame, int flags) {
  while (zmq_msg_send(frame, socket, flags) < 0) {
    if (errno == EINTR) continue;
    zmq_msg_close(frame);
    return -1;
  }
  return 0;
}

int plt_parcel_send(void *socket, plt_parcel_t *parcel, bool has_digest, int flags) {
  if (has_digest) {
    uint64_t digest = digest_for(parcel);
    zmq_msg_t frame;
    zmq_msg_init_size(&frame, sizeof digest); /* so few bytes need no memory of their own */
    memcpy(zmq_msg_data(&frame), &digest, sizeof digest);
    if (send_frame(socket, &frame, flags | ZMQ_SNDMORE) != 0) return -1;
  }
  for (size_t i = 0; i < parcel->n; i++) {
    zmq_msg_t copy;
    zmq_msg_init(&copy);
    zmq_msg_copy(&copy, &parcel->frames[i]);
    frame_leaves(zmq_msg_data(&copy));
    if (send_frame(socket, &copy, flags | (i + 1 < parcel->n ? ZMQ_SNDMORE : 0)) != 0) return -1;
  }
  return 0;
}

int plt_parcel_receive(void *socket, plt_parcel_t *in, bool has_digest) {
  bool flood = false;
  plt_parcel_clear(in);
  do {
    if (in->n == (size_t)FRAMES_MAX + has_digest) {
      flood = true;
      plt_parcel_clear(in);
    }
    zmq_msg_t *frame = next_frame(in);
    zmq_msg_init(frame);
    while (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    frame_arrives(zmq_msg_data(frame));
  } while (zmq_msg_more(&in->frames[in->n - 1]));
  if (flood) {
    plt_parcel_clear(in);
    return -1;
  }
  if (has_digest) check_digest(in);
  return 0;
}
