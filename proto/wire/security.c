/* security.c - see security.h. */
#include "proto/wire/security.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <zmq.h>

#include "common/mem.h"

#define HEX "0123456789abcdef"
#define Z85 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
static const char text_head[] = "plateau-secret-1";

static const char *const names[] = {"none", "token", "curve"};
enum { MODES = sizeof names / sizeof *names };

const char *plt_security_name(plt_security_t mode) { return (unsigned)mode < MODES ? names[mode] : "unknown"; }

static plt_status_t make_token(char token[PLT_TOKEN_HEX + 1]) {
  unsigned char bytes[PLT_TOKEN_HEX / 2];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
    return plt_fail_errno(PLT_ERR_IO, "cannot get random bytes for the job's token");
  for (size_t i = 0; i < sizeof bytes; i++) {
    token[2 * i] = HEX[bytes[i] >> 4];
    token[2 * i + 1] = HEX[bytes[i] & 15];
  }
  explicit_bzero(bytes, sizeof bytes);
  return PLT_OK;
}

static plt_status_t make_keys(plt_secret_t *secret) {
  if (zmq_has("curve") && zmq_curve_keypair(secret->server_public, secret->server_secret) == 0 &&
      zmq_curve_keypair(secret->client_public, secret->client_secret) == 0)
    return PLT_OK;
  return plt_fail(PLT_ERR_USAGE, "cluster.security: curve: this libzmq was built without it; use token");
}

plt_status_t plt_secret_create(plt_security_t mode, plt_secret_t **out) {
  plt_secret_t *secret = plt_mem_zalloc(1, sizeof *secret);
  plt_status_t status = PLT_OK;
  secret->mode = mode;
  if (mode == PLT_SECURITY_TOKEN) status = make_token(secret->token);
  if (mode == PLT_SECURITY_CURVE) status = make_keys(secret);
  if (status != PLT_OK) {
    plt_secret_destroy(&secret);
    return status;
  }
  *out = secret;
  return PLT_OK;
}

void plt_secret_destroy(plt_secret_t **secret) {
  if (*secret == NULL) return;
  explicit_bzero(*secret, sizeof **secret);
  free(*secret);
  *secret = NULL;
}

void plt_secret_to_text(const plt_secret_t *secret, char text[PLT_SECRET_TEXT_MAX]) {
  switch (secret->mode) {
    case PLT_SECURITY_NONE: snprintf(text, PLT_SECRET_TEXT_MAX, "%s none", text_head); break;
    case PLT_SECURITY_TOKEN: snprintf(text, PLT_SECRET_TEXT_MAX, "%s token %s", text_head, secret->token); break;
    case PLT_SECURITY_CURVE:
      snprintf(text, PLT_SECRET_TEXT_MAX, "%s curve %s %s %s %s", text_head, secret->server_public,
               secret->server_secret, secret->client_public, secret->client_secret);
  }
}

/* Takes a space and `length` characters of `alphabet` from *at. */
static bool take(const char **at, const char *alphabet, size_t length, char *out) {
  if (**at != ' ') return false;
  if (strspn(*at + 1, alphabet) != length) return false;
  memcpy(out, *at + 1, length);
  out[length] = '\0';
  *at += 1 + length;
  return true;
}

plt_status_t plt_secret_from_text(const char *text, plt_secret_t **out) {
  plt_secret_t *secret = plt_mem_zalloc(1, sizeof *secret);
  char name[6];
  size_t mode = 0, head = strlen(text_head);
  bool good = strncmp(text, text_head, head) == 0;
  const char *at = good ? text + head : text;
  good = good && (take(&at, "netokcurv", 4, name) || take(&at, "netokcurv", 5, name));
  while (good && mode < MODES && strcmp(name, names[mode]) != 0) mode++;
  secret->mode = (plt_security_t)mode;
  if (good && mode == PLT_SECURITY_TOKEN) good = take(&at, HEX, PLT_TOKEN_HEX, secret->token);
  if (good && mode == PLT_SECURITY_CURVE)
    good = take(&at, Z85, PLT_CURVE_TEXT, secret->server_public) &&
           take(&at, Z85, PLT_CURVE_TEXT, secret->server_secret) &&
           take(&at, Z85, PLT_CURVE_TEXT, secret->client_public) &&
           take(&at, Z85, PLT_CURVE_TEXT, secret->client_secret);
  if (!good || mode == MODES || *at != '\0') {
    plt_secret_destroy(&secret);
    return plt_fail(PLT_ERR_PROTOCOL, "what was handed over is not the secret of a job");
  }
  *out = secret;
  return PLT_OK;
}

uint32_t plt_connections_limit(void) {
  enum { LEAST = 16 }; /* a process that may open so few files keeps none back */
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur < PLT_FILES_KEPT + 3 * LEAST) return LEAST;
  rlim_t third = (files.rlim_cur - PLT_FILES_KEPT) / 3;
  return third < PLT_CONNECTIONS_MAX ? (uint32_t)third : PLT_CONNECTIONS_MAX;
}
