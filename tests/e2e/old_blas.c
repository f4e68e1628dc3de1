/* old_blas.c - preloaded: an OpenBLAS that does not know this processor. Unless it is told (OPENBLAS_CORETYPE), it says
 * that it has chosen Prescott's kernels; with OLD_BLAS=deaf it says so even then. */
#include <dlfcn.h>
#include <stdlib.h>

typedef char *(*corename_fn)(void);

char *openblas_get_corename(void);
char *openblas_get_corename(void) {
  static char oldest[] = "Prescott";
  if (getenv("OPENBLAS_CORETYPE") == NULL || getenv("OLD_BLAS") != NULL) return oldest;
  union {
    void *symbol;
    corename_fn fn;
  } found = {.symbol = dlsym(RTLD_NEXT, "openblas_get_corename")};
  return found.fn();
}
