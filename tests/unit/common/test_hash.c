/* Hashes as xxHash publishes them; files of every length, whatever interrupts their reading. */
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/hash.h"
#include "tests/unit/common/scratch.h"

TestSuite(hash, .init = scratch_make, .fini = scratch_remove);

Test(hash, published_values) {
  char hex[PLT_HASH_HEX];
  uint64_t bytes;
  cr_expect_eq(plt_hash64(0, "", 0), UINT64_C(0x2d06800538d394c2));
  cr_expect_eq(plt_hash64_text(0, "a"), UINT64_C(0xe6c632b61e964e1f));
  cr_expect_neq(plt_hash64_text(1, "a"), plt_hash64_text(0, "a"));
  CR_OK(plt_hash_file(scratch_write_text("empty", ""), hex, &bytes));
  cr_expect_str_eq(hex, "99aa06d3014798d86001c324468d497f");
  cr_expect_eq(bytes, 0);
}

Test(hash, the_head_of_a_file_is_that_of_a_shorter_one) {
  enum { LONG = (3 << 20) + 7 };
  static char text[LONG];
  const uint64_t limits[] = {0, 1, 1 << 20, (1 << 20) + 1, LONG, UINT64_MAX};
  for (size_t i = 0; i < LONG; i++) text[i] = (char)(i * 31 % 251);
  scratch_write("whole", text, LONG);
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    char head[PLT_HASH_HEX], hex[PLT_HASH_HEX];
    uint64_t bytes, n = limits[i] < LONG ? limits[i] : LONG;
    CR_OK(plt_hash_head(scratch_path("whole"), limits[i], head, &bytes));
    cr_expect_eq(bytes, n);
    CR_OK(plt_hash_file(scratch_write("part", text, (size_t)n), hex, &bytes));
    cr_expect_str_eq(head, hex);
  }
  CR_FAILED_WITH(plt_hash_file(scratch_path("none"), (char[PLT_HASH_HEX]){0}, &(uint64_t){0}), PLT_ERR_IO, "none");
  CR_FAILED_WITH(plt_hash_file(scratch, (char[PLT_HASH_HEX]){0}, &(uint64_t){0}), PLT_ERR_IO, "cannot read");
}

static void nothing(int number) { (void)number; }

/* A signal while a read waits, as on a file system over the network. */
Test(hash, a_signal_does_not_end_it) {
  char hex[PLT_HASH_HEX], expected[PLT_HASH_HEX];
  uint64_t bytes;
  CR_OK(plt_hash_file(scratch_write_text("plain", "firstlast"), expected, &bytes));
  const char *pipe = scratch_path("pipe");
  cr_assert_eq(mkfifo(pipe, 0600), 0);
  sigaction(SIGUSR1, &(struct sigaction){.sa_handler = nothing}, NULL);
  pid_t writer = fork();
  if (writer == 0) {
    FILE *file = fopen(pipe, "w");
    for (int i = 0; i < 2; i++) {
      fputs(i == 0 ? "first" : "last", file);
      fflush(file);
      for (int k = 0; i == 0 && k < 20; k++) {
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        kill(getppid(), SIGUSR1);
      }
    }
    fclose(file);
    _exit(0);
  }
  CR_OK(plt_hash_file(pipe, hex, &bytes));
  cr_expect_str_eq(hex, expected);
  waitpid(writer, NULL, 0);
}
