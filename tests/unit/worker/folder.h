/* folder.h - a data folder of a test's own: text files, .npy files written by hand, removed at the end. */
#ifndef PLT_TESTS_UNIT_WORKER_FOLDER_H
#define PLT_TESTS_UNIT_WORKER_FOLDER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct folder {
  char path[64];
} folder_t;

static inline folder_t folder_make(void) {
  folder_t folder = {"/tmp/plateau-test-XXXXXX"};
  if (mkdtemp(folder.path) == NULL) abort();
  return folder;
}

static inline void folder_remove(const folder_t *folder) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf %s", folder->path);
  if (system(command) != 0) abort();
}

static inline FILE *folder_create(const folder_t *folder, const char *name) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", folder->path, name);
  FILE *file = fopen(path, "wb");
  if (file == NULL) abort();
  return file;
}

static inline void folder_text(const folder_t *folder, const char *name, const char *text) {
  FILE *file = folder_create(folder, name);
  fputs(text, file);
  fclose(file);
}

/* A version 1.0 .npy: `descr` as "<f4", `shape` as "(3, 2)", then the bytes as they are. */
static inline void folder_npy(const folder_t *folder, const char *name, const char *descr, const char *shape,
                              const void *data, size_t bytes) {
  char header[118];
  memset(header, ' ', sizeof header);
  int n = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
  header[n] = ' ';
  header[sizeof header - 1] = '\n';
  FILE *file = folder_create(folder, name);
  fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, file);
  fwrite(header, 1, sizeof header, file);
  fwrite(data, 1, bytes, file);
  fclose(file);
}

#endif
