/* version.h - plateau --version.
 *
 * Threads    any; what libraries say of themselves is only read. */
#ifndef PLT_LAUNCH_COMMANDS_VERSION_H
#define PLT_LAUNCH_COMMANDS_VERSION_H

#include <stdio.h>

/* "plateau X.Y.Z" alone in the first line, for programs that read it; then commit, compiler, libraries as they are
 * loaded, and the kernels that run here: what a report of a fault, or of other bits, needs. */
void plt_version_print(FILE *out);
/* "X.Y.Z". */
const char *plt_version(void);

#endif
