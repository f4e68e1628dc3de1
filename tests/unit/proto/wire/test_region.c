/* Lent memory: whom it is opened for, what is refused, whose death it survives; and who may write an answer. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/wire/region.h"

enum { BYTES = 1 << 20, OURS = 0x5a };

static plt_region_t *make(uint64_t bytes) {
  plt_region_t *region;
  cr_assert_eq(plt_region_create(bytes, &region), PLT_OK, "%s", plt_fail_text());
  return region;
}

static void expect_refusal(plt_region_offer_t offer, const char *why) {
  plt_region_t *other = NULL;
  cr_assert_eq(plt_region_attach(getpid(), &offer, &other), PLT_ERR_CREATE, "accepted, but %s", why);
  cr_assert_not_null(strstr(plt_fail_text(), why), "\"%s\" is not in \"%s\"", why, plt_fail_text());
  cr_assert_null(other);
}

static int open_files(void) {
  int n = 0;
  for (int fd = 0; fd < 256; fd++) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

Test(region, both_sides_see_the_same) {
  int before = open_files();
  plt_region_t *own = make(BYTES), *other;
  plt_region_offer_t offer = plt_region_offer(own);
  cr_assert_eq(plt_region_attach(getpid(), &offer, &other), PLT_OK, "%s", plt_fail_text());
  plt_region_seal(own);
  cr_expect_eq(open_files(), before, "descriptors are left");
  char *here = plt_region_at(own, PLT_REGION_FIRST, BYTES), *there = plt_region_at(other, PLT_REGION_FIRST, BYTES);
  cr_assert(here != NULL && there != NULL && here != there);
  memset(here, OURS, BYTES);
  for (size_t i = 0; i < BYTES; i++) cr_assert_eq(there[i], OURS);
  plt_region_destroy(&own);
  cr_expect_eq(there[BYTES - 1], OURS, "gone with the first of its owners");
  plt_region_empty(other);
  cr_expect_eq(there[BYTES - 1], 0);
  plt_region_destroy(&other);
  plt_region_destroy(&other);
}

Test(region, nothing_outside_of_it) {
  plt_region_t *region = make(BYTES);
  uint64_t bytes = plt_region_bytes(region);
  cr_expect_not_null(plt_region_at(region, PLT_REGION_FIRST, bytes - PLT_REGION_FIRST));
  cr_expect_not_null(plt_region_at(region, bytes, 0));
  cr_expect_null(plt_region_at(region, 0, 8), "its own beginning");
  cr_expect_null(plt_region_at(region, PLT_REGION_FIRST, bytes));
  cr_expect_null(plt_region_at(region, bytes + 1, 0));
  cr_expect_null(plt_region_at(region, PLT_REGION_FIRST, UINT64_MAX));
  cr_expect_null(plt_region_at(region, UINT64_MAX, PLT_REGION_FIRST + 1));
  plt_region_destroy(&region);
}

Test(region, what_was_not_lent_is_refused) {
  plt_region_t *region = make(BYTES), *none = NULL;
  plt_region_offer_t good = plt_region_offer(region), bad = good;
  bad.mark++;
  expect_refusal(bad, "not what was announced");
  bad = good, bad.bytes += 4096;
  expect_refusal(bad, "promised"); /* more than is there */
  bad = good, bad.bytes -= 4096;
  expect_refusal(bad, "bytes, not");
  bad = good, bad.bytes = PLT_REGION_BYTES_MAX + 1;
  expect_refusal(bad, "cannot be lent");
  bad = good, bad.bytes = 0;
  expect_refusal(bad, "cannot be lent");
  bad = good, bad.descriptor = 9999;
  expect_refusal(bad, "cannot look");
  cr_expect_eq(plt_region_attach(0, &good, &none), PLT_ERR_CREATE);
  plt_region_seal(region);
  expect_refusal(good, "cannot look");
  plt_region_destroy(&region);
}

/* What a peer has open may be anything; a memfd that can shrink would be a signal later. */
Test(region, other_files_are_not_opened) {
  int pipes[2];
  char name[] = "/tmp/plateau-region-XXXXXX";
  cr_assert_eq(pipe(pipes), 0);
  int file = mkstemp(name), foreign = memfd_create("foreign", 0),
      unsealed = memfd_create("plateau-lent", MFD_ALLOW_SEALING);
  unlink(name);
  cr_assert_eq(ftruncate(unsealed, 4096), 0);
  expect_refusal((plt_region_offer_t){.descriptor = pipes[0], .bytes = 4096}, "no memory that was lent");
  expect_refusal((plt_region_offer_t){.descriptor = file, .bytes = 4096}, "no memory that was lent");
  expect_refusal((plt_region_offer_t){.descriptor = foreign, .bytes = 4096}, "no memory that was lent");
  expect_refusal((plt_region_offer_t){.descriptor = unsealed, .bytes = 4096}, "no sealed memory");
  cr_assert_eq(fcntl(unsealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
  expect_refusal((plt_region_offer_t){.descriptor = unsealed, .bytes = 4096}, "promised");
  close(pipes[0]), close(pipes[1]), close(file), close(foreign), close(unsealed);
}

Test(region, it_survives_the_death_of_its_maker) {
  int said[2];
  cr_assert_eq(pipe(said), 0);
  pid_t maker = fork();
  cr_assert_geq(maker, 0);
  if (maker == 0) {
    plt_region_t *region;
    if (plt_region_create(BYTES, &region) != PLT_OK) _exit(1);
    memset(plt_region_at(region, PLT_REGION_FIRST, BYTES), OURS, BYTES);
    plt_region_offer_t offer = plt_region_offer(region);
    if (write(said[1], &offer, sizeof offer) != (ssize_t)sizeof offer) _exit(1);
    pause();
    _exit(1);
  }
  plt_region_offer_t offer;
  plt_region_t *other, *again = NULL;
  cr_assert_eq(read(said[0], &offer, sizeof offer), (ssize_t)sizeof offer);
  cr_assert_eq(plt_region_attach(maker, &offer, &other), PLT_OK, "%s", plt_fail_text());
  kill(maker, SIGKILL);
  cr_assert_eq(waitpid(maker, NULL, 0), maker);
  const char *bytes = plt_region_at(other, PLT_REGION_FIRST, BYTES);
  for (size_t i = 0; i < BYTES; i++) cr_assert_eq(bytes[i], OURS);
  cr_expect_eq(plt_region_attach(maker, &offer, &again), PLT_ERR_CREATE);
  plt_region_destroy(&other);
  close(said[0]), close(said[1]);
}

Test(region, no_more_than_files_may_have) {
  plt_region_t *region = NULL;
  cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){BYTES, BYTES}), 0);
  cr_expect_eq(plt_region_create(2 * BYTES, &region), PLT_ERR_CREATE);
  cr_expect_not_null(strstr(plt_fail_text(), "ulimit -f"));
  cr_expect_eq(plt_region_create(PLT_REGION_BYTES_MAX, &region), PLT_ERR_CREATE);
}

Test(region, an_answer_is_claimed_once_and_not_after_it_is_closed) {
  plt_region_t *region = make(4096);
  cr_expect(!plt_region_claim(region, 7), "nobody has opened it");
  plt_region_open(region, 7);
  cr_expect(!plt_region_claim(region, 6), "a request of before");
  cr_expect(plt_region_claim(region, 7));
  cr_expect(!plt_region_claim(region, 7), "a second answer");
  cr_expect(!plt_region_close(region), "it is being written");
  plt_region_fill(region, 7);
  cr_expect(!plt_region_claim(region, 7), "a late answer");
  cr_expect(plt_region_close(region));
  plt_region_open(region, 8);
  cr_expect(plt_region_close(region));
  cr_expect(!plt_region_claim(region, 8), "closed");
  plt_region_destroy(&region);
}
