/* image.h - a table as it was at one moment, swept by another thread while the table goes on changing.
 *
 *   owner    plt_table_image() ── steps: a page that is about to change and was not swept is copied first ── release
 *   sweeper        plt_image_sweep(): pages in the order of keys, from the copy where there is one ── swept
 *
 * Copies are bounded (a quarter of the rows, at least 16 MiB): at the bound the owner waits for the sweeper.
 *
 * Ownership  an image holds what it needs of the table but its rows: release it before the table is reset or
 *            destroyed. One image of a table at a time.
 * Threads    take, release: the table's owner. The others: one thread, not necessarily another.
 * Source     docs/decisions/checkpoint-sweep.md (copy before write in user space against fork). */
#ifndef PLT_PS_TABLE_IMAGE_H
#define PLT_PS_TABLE_IMAGE_H

#include "ps/table/slabs.h"
#include "ps/table/table.h"

/* Of shard `number` of `servers`, whose rows lie in `slabs`; for table.c. */
plt_image_t *plt_image_take(plt_slabs_t *slabs, const plt_table_spec_t *spec, uint32_t number, uint32_t servers,
                            plt_table_state_t state);
void plt_image_release(plt_image_t **image);

const plt_table_spec_t *plt_image_spec(const plt_image_t *image);
plt_table_state_t plt_image_state(const plt_image_t *image);
size_t plt_image_state_floats(const plt_image_t *image); /* per row */
uint64_t plt_image_rows(const plt_image_t *image);       /* stored then */
size_t plt_image_page_rows(const plt_image_t *image);    /* of one page */
/* Of sparse keys whose pushes are counted: those that are not stored yet, as rows of one float, the count; belongs to
 * the image, and is swept as one. NULL: none. */
void plt_image_add_counted(plt_image_t *image, plt_image_t *counted);
plt_image_t *plt_image_counted(const plt_image_t *image);
/* Copies the next stored rows, in the order of keys (sparse ones: in none): at most n of them (n: at least a page);
 * keys[n], last[n], values[n*cols], state[n*state_floats]; `last` is the step count of the row's last push. Returns how
 * many; 0 at the end. */
size_t plt_image_sweep(plt_image_t *image, size_t n, uint64_t *keys, uint64_t *last, float *values, float *state);
/* Nothing more will be swept: the owner need not keep anything. */
void plt_image_swept(plt_image_t *image);
/* Bytes that were copied aside so far. */
uint64_t plt_image_copied(const plt_image_t *image);

#endif
