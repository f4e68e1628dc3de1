/* fuzz.h - what the fuzz targets share. A target is one LLVMFuzzerTestOneInput(): libFuzzer drives it (preset fuzz),
 * replay.c runs it over its corpus (every build).
 *
 * Bytes from a peer or a file may be refused in any way, but never crash, leak or be undefined; what is accepted is
 * checked: FUZZ_CHECK ends the process. */
#ifndef PLT_TESTS_FUZZ_H
#define PLT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #condition))
_Noreturn void fuzz_failed(const char *file, int line, const char *condition);

/* A directory of this process in memory, removed at its end. */
const char *fuzz_folder(void);
/* Writes a file of the folder ("a/b"; directories are made); returns its path, valid until the next call. */
const char *fuzz_write(const char *name, const void *bytes, size_t n);
void fuzz_remove(const char *name);

/* An input that is read as what happens one after the other: zeros when it is at its end. */
typedef struct fuzz_input {
  const uint8_t *data;
  size_t n;
} fuzz_input_t;
/* A byte's worth. */
uint32_t fuzz_take(fuzz_input_t *in, uint32_t below);
/* Mostly below 10, sometimes where counts, sizes and types have their borders. */
uint64_t fuzz_take_number(fuzz_input_t *in);

/* Takes the bytes before the next form feed off the input, as a fresh string. */
char *fuzz_take_text(const uint8_t **data, size_t *n);

#endif
