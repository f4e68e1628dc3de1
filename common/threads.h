/* threads.h - a fixed crew of threads that share the work of a call, cut into numbered pieces.
 *
 * The caller takes part; run returns when all pieces are done. Which thread runs which piece is left open, so a
 * piece's result must depend on the piece alone: then the bits do not depend on the number of threads.
 * Threads    one caller at a time per crew. A crew of 1 runs everything in the caller. */
#ifndef PLT_COMMON_THREADS_H
#define PLT_COMMON_THREADS_H

#include <stddef.h>

typedef struct plt_crew plt_crew_t;
/* piece in [0, pieces); lane in [0, size) is the running thread's, for scratch memory. */
typedef void (*plt_piece_fn)(void *context, size_t piece, size_t lane);

plt_crew_t *plt_crew_create(size_t size);
void plt_crew_destroy(plt_crew_t **crew);
size_t plt_crew_size(const plt_crew_t *crew);
/* crew NULL runs everything in the caller. */
void plt_crew_run(plt_crew_t *crew, size_t pieces, plt_piece_fn fn, void *context);

#endif
