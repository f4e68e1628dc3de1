/* nearest.c - see nearest.h. */
#include "common/options/nearest.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b; rows of the usual table: the
 * one before last, the last and the current. */
static size_t edit_distance(const char *a, const char *b) {
  size_t n = strlen(b);
  size_t *rows = plt_mem_zalloc(3 * (n + 1), sizeof *rows);
  size_t *before = rows, *last = rows + n + 1, *now = rows + 2 * (n + 1);
  for (size_t j = 0; j <= n; j++) now[j] = j;
  for (size_t i = 1; a[i - 1] != '\0'; i++) {
    size_t *oldest = before;
    before = last, last = now, now = oldest;
    now[0] = i;
    for (size_t j = 1; j <= n; j++) {
      now[j] = least(last[j - 1] + (a[i - 1] != b[j - 1]), 1 + least(last[j], now[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = least(now[j], before[j - 2] + 1);
    }
  }
  size_t distance = now[n];
  free(rows);
  return distance;
}

const char *plt_nearest(const char *word, const char *const *candidates, size_t n) {
  enum { FAR = 4, WORD_MAX = 256 };
  if (strlen(word) > WORD_MAX) return NULL;
  size_t best = least(FAR, strlen(word) / 4 + 2); /* one slip in short words, three in long ones */
  const char *nearest = NULL;
  for (size_t i = 0; i < n; i++) {
    size_t distance = edit_distance(word, candidates[i]);
    if (distance >= best) continue;
    best = distance;
    nearest = candidates[i];
  }
  return nearest;
}
