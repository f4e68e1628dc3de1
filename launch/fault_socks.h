/* fault_socks.h - the server's side of SOCKS 5 without authentication, command CONNECT, as far as bytes go.
 *
 * Source     RFC 1928. */
#ifndef PLT_LAUNCH_FAULT_SOCKS_H
#define PLT_LAUNCH_FAULT_SOCKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { PLT_SOCKS_REQUEST_MAX = 262, PLT_SOCKS_REPLY = 10 };

typedef enum { PLT_SOCKS_MORE, PLT_SOCKS_DONE, PLT_SOCKS_BAD } plt_socks_state_t;

/* Codes of replies. */
typedef enum {
  PLT_SOCKS_OK = 0,
  PLT_SOCKS_FAILED = 1,
  PLT_SOCKS_UNREACHABLE = 4,
  PLT_SOCKS_CONNECTION_REFUSED = 5,
  PLT_SOCKS_NO_COMMAND = 7,
  PLT_SOCKS_NO_ADDRESS_TYPE = 8
} plt_socks_code_t;

/* The greeting in the first n bytes: DONE sets *taken to its size and the answer. BAD: not SOCKS 5. An answer of
 * {5, 255} says that the client does not offer to go without authentication. */
plt_socks_state_t plt_socks_greeting(const uint8_t *bytes, size_t n, size_t *taken, uint8_t answer[2]);
/* The request in the first n bytes. DONE sets *taken and, with *code PLT_SOCKS_OK, the address to connect to; names of
 * hosts are not resolved (that would block). */
plt_socks_state_t plt_socks_request(const uint8_t *bytes, size_t n, size_t *taken, struct sockaddr_storage *to,
                                    socklen_t *to_bytes, plt_socks_code_t *code);
void plt_socks_reply(plt_socks_code_t code, uint8_t reply[PLT_SOCKS_REPLY]);

#endif
