/* picture.h - pictures by gnuplot: what it is given stays beside the picture, to be changed and drawn again.
 *
 *   plt_picture_begin() ─▶ data and commands into .script ─▶ plt_picture_end() ─▶ PICTURE.gp ─▶ PICTURE.svg or .png
 *
 * Ownership  the caller ends what it begins.
 * Threads    any; gnuplot is a process of its own, waited for.
 * Errors     check: PLT_ERR_USAGE for a name that is no .svg or .png, and without gnuplot. end: PLT_ERR_CREATE,
 *            PLT_ERR_IO, PLT_ERR_SPACE; PLT_ERR_IO when gnuplot fails. */
#ifndef PLT_LAUNCH_TASKS_PICTURE_H
#define PLT_LAUNCH_TASKS_PICTURE_H

#include <stdio.h>

#include "common/status.h"

typedef struct plt_picture {
  const char *path; /* the caller's */
  FILE *script;     /* for gnuplot; terminal, size and output are set */
  char *text;       /* what was written to it */
  size_t bytes;
} plt_picture_t;

/* What would keep it from being drawn: to be asked before anything is measured. */
plt_status_t plt_picture_check(const char *path);
/* width and height in pixels. */
void plt_picture_begin(plt_picture_t *picture, const char *path, size_t width, size_t height);
plt_status_t plt_picture_end(plt_picture_t *picture);

/* Text as gnuplot reads it within single quotes. */
void plt_picture_quote(FILE *script, const char *text);
/* What a file is called in pictures: "plain" for "runs/plain.json". */
void plt_picture_name(const char *file, char *out, size_t bytes);

#endif
