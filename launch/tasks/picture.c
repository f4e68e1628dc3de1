/* picture.c - see picture.h. */
#include "launch/tasks/picture.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/io/fileio.h"
#include "common/mem.h"

/* The environment with a locale of UTF-8, which the scripts are in: in locale C gnuplot warns. The list is to be freed,
 * its texts are the environment's. */
static char **utf8_environment(void) {
  static char locale[] = "LC_ALL=C.UTF-8";
  size_t n = 0, kept = 0;
  while (environ[n] != NULL) n++;
  char **list = plt_mem_alloc((n + 2) * sizeof *list);
  for (size_t i = 0; i < n; i++)
    if (strncmp(environ[i], "LC_ALL=", strlen("LC_ALL=")) != 0) list[kept++] = environ[i];
  list[kept++] = locale;
  list[kept] = NULL;
  return list;
}

static plt_status_t run_gnuplot(char *const arguments[]) {
  pid_t child;
  char **environment = utf8_environment();
  int state, cause = posix_spawnp(&child, "gnuplot", NULL, NULL, arguments, environment);
  free(environment);
  errno = cause;
  if (cause != 0) return plt_fail_errno(PLT_ERR_USAGE, "--plot: gnuplot draws the picture, and does not start");
  while (waitpid(child, &state, 0) < 0)
    if (errno != EINTR) return plt_fail_errno(PLT_ERR_IO, "--plot: gnuplot");
  if (WIFEXITED(state) && WEXITSTATUS(state) == 0) return PLT_OK;
  return plt_fail(PLT_ERR_IO, "--plot: gnuplot failed; %s is what it was given",
                  arguments[1] == NULL ? "its input" : arguments[1]);
}

plt_status_t plt_picture_check(const char *path) {
  if (!plt_path_ends_with(path, ".svg") && !plt_path_ends_with(path, ".png"))
    return plt_fail(PLT_ERR_USAGE, "--plot: %s: a name that ends with .svg or .png", path);
  char program[] = "gnuplot", option[] = "-e", nothing[] = "exit";
  return run_gnuplot((char *const[]){program, option, nothing, NULL});
}

void plt_picture_quote(FILE *script, const char *text) {
  fputc('\'', script);
  for (; *text != '\0'; text++) {
    if (*text == '\'') fputc('\'', script);
    fputc(*text < ' ' && *text >= 0 ? '?' : *text, script);
  }
  fputc('\'', script);
}

void plt_picture_name(const char *file, char *out, size_t bytes) {
  const char *slash = strrchr(file, '/'), *name = slash == NULL ? file : slash + 1;
  size_t length = strlen(name) - (plt_path_ends_with(name, ".json") ? strlen(".json") : 0);
  snprintf(out, bytes, "%.*s", (int)(length < bytes ? length : bytes - 1), name);
}

void plt_picture_begin(plt_picture_t *picture, const char *path, size_t width, size_t height) {
  const bool svg = plt_path_ends_with(path, ".svg");
  *picture = (plt_picture_t){.path = path};
  FILE *out = picture->script = open_memstream(&picture->text, &picture->bytes);
  fprintf(out,
          "set encoding utf8\nset termoption noenhanced\nset terminal %s size %zu,%zu %s font 'sans,12' noenhanced\n",
          svg ? "svg" : "pngcairo", width, height, svg ? "dynamic background '#ffffff'" : "background '#ffffff'");
  fputs("set output ", out);
  plt_picture_quote(out, path);
  fputc('\n', out);
}

plt_status_t plt_picture_end(plt_picture_t *picture) {
  char *script = plt_mem_print("%s.gp", picture->path), program[] = "gnuplot";
  fclose(picture->script);
  plt_status_t status = plt_file_publish(script, picture->text, picture->bytes);
  if (status == PLT_OK) status = run_gnuplot((char *const[]){program, script, NULL});
  free(picture->text);
  free(script);
  return status;
}
