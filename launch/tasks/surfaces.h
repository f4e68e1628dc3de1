/* surfaces.h - files of loss landscapes, and pictures of several beside each other.
 *
 *   measured ─▶ FILE.json ─▶ [others' files] ─▶ picture (picture.h)
 *
 * Ownership  the caller clears surfaces.
 * Threads    any.
 * Errors     read: PLT_ERR_IO, PLT_ERR_DATA naming the file. draw: those of plt_picture_end(). */
#ifndef PLT_LAUNCH_TASKS_SURFACES_H
#define PLT_LAUNCH_TASKS_SURFACES_H

#include "common/io/json.h"
#include "worker/flatness/landscape.h"

/* A landscape as its file has it. */
typedef struct plt_surface {
  char name[64]; /* of the file, without folder and .json */
  uint32_t axes;
  size_t n;     /* points of an axis */
  double *at;   /* [n] */
  double *loss; /* [n] or [n, n]; NaN where it was not finite */
} plt_surface_t;

void plt_surface_clear(plt_surface_t *surface);
/* "axes", "at" and "loss", into an object. */
void plt_surface_put(const plt_landscape_t *landscape, const double *loss, plt_json_t *object);
plt_status_t plt_surface_read(const char *file, plt_surface_t *out);

/* How much the loss rises above that of the tables, all on one scale, all of as many axes: with two axes surfaces above
 * and contours below, with one axis lines. */
plt_status_t plt_surfaces_draw(const plt_surface_t *surfaces, size_t n, const char *path);

#endif
