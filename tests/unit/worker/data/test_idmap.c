/* Maps of ids: many names against a twin that searches, files that are read as they were written, and files that are
 * refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "worker/data/idmap.h"

Test(idmap, numbers_as_a_search_does) {
  enum { N = 3000, NAMES = 700 };
  plt_idmap_t *map = plt_idmap_create();
  char twin[NAMES][16];
  uint32_t known = 0, number;
  uint64_t state = 5;
  for (int i = 0; i < N; i++) {
    char name[16];
    state = state * 6364136223846793005u + 1442695040888963407u;
    int length = snprintf(name, sizeof name, "n%d", (int)(state >> 33) % NAMES);
    uint32_t at = 0;
    while (at < known && strcmp(twin[at], name) != 0) at++;
    cr_assert_eq(plt_idmap_find(map, name, (size_t)length, &number), at < known);
    cr_assert(at == known || number == at);
    if (at == known) strcpy(twin[known++], name);
    cr_assert_eq(plt_idmap_add(map, name, (size_t)length), at);
  }
  cr_assert_eq(plt_idmap_count(map), known);
  for (uint32_t i = 0; i < known; i++) {
    plt_id_name_t name = plt_idmap_name(map, i);
    cr_assert(name.length == strlen(twin[i]) && memcmp(name.at, twin[i], name.length) == 0);
  }
  plt_idmap_destroy(&map);
}

Test(idmap, grows_over_many) {
  enum { N = 300000 };
  plt_idmap_t *map = plt_idmap_create();
  char name[32];
  uint32_t number;
  for (uint32_t i = 0; i < N; i++) cr_assert_eq(plt_idmap_add(map, name, (size_t)sprintf(name, "id %x", i * 7919)), i);
  for (uint32_t i = 0; i < N; i++)
    cr_assert(plt_idmap_find(map, name, (size_t)sprintf(name, "id %x", i * 7919), &number) && number == i);
  cr_assert(!plt_idmap_find(map, "id", 2, &number));
  plt_idmap_destroy(&map);
}

Test(idmap, faults) {
  char text[1002];
  memset(text, 'a', sizeof text);
  cr_expect_null(plt_id_fault("\xc3\xa9 \xd0\x96 \xf0\x9f\x98\x80", 10));
  cr_expect_null(plt_id_fault(text, 1000));
  cr_expect_not_null(plt_id_fault(text, 1001));
  cr_expect_not_null(plt_id_fault("", 0));
  cr_expect_not_null(plt_id_fault("a\tb", 3));
  cr_expect_not_null(plt_id_fault("a\0b", 3));
  cr_expect_not_null(plt_id_fault("\x7f", 1));
  cr_expect_not_null(plt_id_fault("\xc2\x85", 2)); /* NEL, a control character of two bytes */
  cr_expect_not_null(plt_id_fault("a\xc3", 2));
  cr_expect_not_null(plt_id_fault("a\xc3\xa9", 2)); /* its second half is not part of the name */
}

static char path[] = "/tmp/test_idmap.XXXXXX";

static const char *file_of(const char *text) {
  strcpy(path, "/tmp/test_idmap.XXXXXX");
  int fd = mkstemp(path);
  cr_assert(fd >= 0);
  cr_assert(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
  close(fd);
  return path;
}

Test(idmap, reads_what_it_wrote) {
  static const char *const names[] = {"plain", "\"quoted\" first", "with \"quotes\"", "a,b", " space", "\xd0\x96",
                                      "\""};
  enum { N = sizeof names / sizeof *names };
  plt_idmap_t *map = plt_idmap_create(), *read = NULL;
  uint32_t order[N];
  for (uint32_t i = 0; i < N; i++) {
    plt_idmap_add(map, names[i], strlen(names[i]));
    order[i] = N - 1 - i;
  }
  cr_assert_eq(plt_idmap_write(map, order, N, "itemID", file_of("")), PLT_OK);
  cr_assert_eq(plt_idmap_read(path, "itemID", &read), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(plt_idmap_count(read), N);
  for (uint32_t i = 0; i < N; i++) {
    plt_id_name_t name = plt_idmap_name(read, i);
    const char *wanted = names[N - 1 - i];
    cr_expect(name.length == strlen(wanted) && memcmp(name.at, wanted, name.length) == 0, "%s", wanted);
  }
  plt_idmap_destroy(&read);
  plt_idmap_destroy(&map);
  unlink(path);
}

Test(idmap, reads_columns_by_name) {
  plt_idmap_t *map = NULL;
  cr_assert_eq(plt_idmap_read(file_of("itemID\tasin\r\n0\tB1\r\n1\tB2"), "itemID", &map), PLT_OK, "%s",
               plt_fail_text());
  plt_id_name_t name = plt_idmap_name(map, 1);
  cr_expect(name.length == 2 && memcmp(name.at, "B2", 2) == 0);
  plt_idmap_destroy(&map);
  unlink(path);
}

Test(idmap, refuses) {
  static const struct {
    const char *text, *said;
  } cases[] = {{"", ":1: no header"},
               {"user_id,userID\na,0\n", ":1: no header"},
               {"user_id\tuserID\na\t1\n", ":2: the number 0 belongs there"},
               {"user_id\tuserID\na\t0\nb\t0\n", ":3: the number 1 belongs there"},
               {"user_id\tuserID\na\t0\na\t1\n", ":3: the name stood there before"},
               {"user_id\tuserID\na\n", ":2: no tab"},
               {"user_id\tuserID\n\t0\n", ":2: the name is empty"},
               {"user_id\tuserID\n\"a\t0\n", ":2: the name's quotes are not closed"},
               {"user_id\tuserID\n\x1b[m\t0\n", ":2: the name has a control character"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    plt_idmap_t *map = NULL;
    cr_expect_eq(plt_idmap_read(file_of(cases[i].text), "userID", &map), PLT_ERR_DATA, "%s", cases[i].text);
    cr_expect_not_null(strstr(plt_fail_text(), cases[i].said), "%s: %s", cases[i].text, plt_fail_text());
    unlink(path);
  }
}
