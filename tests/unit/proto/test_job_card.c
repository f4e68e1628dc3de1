/* A job card as text and back, and texts that are none. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "proto/job_card.h"

static plt_job_card_t make(plt_security_t mode, bool alone, uint64_t staleness) {
  plt_job_card_t card = {.job = UINT64_C(0xfedcba9876543210),
                         .generation = 7,
                         .workers = 3,
                         .servers = 2,
                         .alone = alone,
                         .staleness = staleness,
                         .doors = plt_mem_zalloc(2, sizeof *card.doors)};
  cr_assert_eq(plt_secret_create(mode, &card.secret), PLT_OK);
  strcpy(card.doors[0].host, "node-1");
  strcpy(card.doors[0].tcp, "tcp://10.0.0.1:4000");
  strcpy(card.doors[0].ipc, "ipc:///tmp/x/server-0");
  strcpy(card.doors[1].host, "node-2");
  strcpy(card.doors[1].tcp, "tcp://10.0.0.2:4000");
  return card;
}

Test(job_card, reads_back) {
  const struct {
    plt_security_t mode;
    bool alone;
    uint64_t staleness;
  } cases[] = {{PLT_SECURITY_TOKEN, false, 0},
               {PLT_SECURITY_CURVE, true, 5},
               {PLT_SECURITY_NONE, true, UINT64_MAX},
               {PLT_SECURITY_NONE, true, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    plt_job_card_t card = make(cases[i].mode, cases[i].alone, cases[i].staleness), back;
    char *text = plt_job_card_to_text(&card);
    cr_assert_eq(plt_job_card_from_text(text, "text", &back), PLT_OK, "%s: %s", plt_fail_text(), text);
    cr_expect_eq(back.job, card.job);
    cr_expect_eq(back.generation, 7);
    cr_expect_eq(back.workers, 3);
    cr_expect_eq(back.servers, 2);
    cr_expect_eq(back.alone, card.alone);
    cr_expect_eq(back.staleness, card.staleness);
    cr_expect_arr_eq(back.secret, card.secret, sizeof *card.secret);
    for (int s = 0; s < 2; s++) {
      cr_expect_str_eq(back.doors[s].host, card.doors[s].host);
      cr_expect_str_eq(back.doors[s].tcp, card.doors[s].tcp);
      cr_expect_str_eq(back.doors[s].ipc, card.doors[s].ipc);
    }
    free(text);
    plt_job_card_clear(&card);
    plt_job_card_clear(&back);
  }
}

/* Every text that was cut is refused; one with a byte changed is refused or another card, whatever the byte. */
Test(job_card, refuses_what_is_none) {
  plt_job_card_t card = make(PLT_SECURITY_TOKEN, true, 5), back;
  char *text = plt_job_card_to_text(&card), *broken = plt_mem_strdup(text);
  size_t n = strlen(text);
  for (size_t length = 0; length < n; length++) {
    memcpy(broken, text, n + 1);
    broken[length] = '\0';
    cr_assert_eq(plt_job_card_from_text(broken, "job", &back), PLT_ERR_PROTOCOL, "cut to %zu bytes", length);
    cr_assert_not_null(strstr(plt_fail_text(), "this is not what plateau serve writes"));
  }
  for (size_t at = 0; at < n; at++)
    for (const char *byte = "\n 0-9zA%\x80"; *byte != '\0'; byte++) {
      memcpy(broken, text, n + 1);
      broken[at] = *byte;
      if (plt_job_card_from_text(broken, "job", &back) != PLT_OK) continue;
      cr_assert(back.servers == 2 && back.secret != NULL);
      plt_job_card_clear(&back);
    }
  const char *const wrong[] = {"servers 0 ", "servers 99999 ", "servers 4294967298 ", "servers -2 ", "servers x "};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const char *rest = strstr(text, "servers 2 ") + strlen("servers 2 ");
    char *other = plt_mem_print("%.*s%s%s", (int)(rest - text - (long)strlen("servers 2 ")), text, wrong[i], rest);
    cr_expect_eq(plt_job_card_from_text(other, "job", &back), PLT_ERR_PROTOCOL, "%s", wrong[i]);
    free(other);
  }
  cr_expect_eq(plt_job_card_from_text("plateau job 2\n", "job", &back), PLT_ERR_PROTOCOL);
  cr_expect_not_null(strstr(plt_fail_text(), "job: of another version"));
  free(text);
  free(broken);
  plt_job_card_clear(&card);
}
