/* surfaces.c - see surfaces.h. */
#include "launch/tasks/surfaces.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/io/fileio.h"
#include "common/mem.h"
#include "launch/tasks/picture.h"

enum { BYTES_MAX = 64 << 20, POINTS_MAX = 1001 };

/* ---- files ---- */

void plt_surface_clear(plt_surface_t *surface) {
  free(surface->at);
  free(surface->loss);
  *surface = (plt_surface_t){0};
}

void plt_surface_put(const plt_landscape_t *landscape, const double *loss, plt_json_t *object) {
  const uint32_t n = landscape->resolution;
  plt_json_int(object, "axes", landscape->axes);
  plt_json_t *at = plt_json_add_list(object, "at");
  for (uint32_t i = 0; i < n; i++) plt_json_real(at, NULL, plt_landscape_place(landscape, i));
  if (landscape->axes == 1) {
    plt_json_reals(object, "loss", loss, n);
    return;
  }
  plt_json_t *lines = plt_json_add_list(object, "loss");
  for (uint32_t i = 0; i < n; i++) plt_json_reals(lines, NULL, loss + (size_t)i * n, n);
}

static bool read_line(const plt_json_t *list, size_t n, double *out) {
  if (plt_json_length(list) != n) return false;
  for (size_t i = 0; i < n; i++)
    if (!plt_json_get_real(plt_json_item(list, i), &out[i])) out[i] = NAN;
  return true;
}

static bool read_surface(const plt_json_t *json, plt_surface_t *out) {
  const plt_json_t *at = plt_json_find(json, "at"), *loss = plt_json_find(json, "loss");
  uint64_t axes;
  size_t n = plt_json_length(at);
  if (!plt_json_get_uint(plt_json_find(json, "axes"), 2, &axes) || axes == 0 || n == 0 || n > POINTS_MAX) return false;
  out->axes = (uint32_t)axes;
  out->n = n;
  out->at = plt_mem_alloc(n * sizeof *out->at);
  out->loss = plt_mem_alloc((axes == 1 ? n : n * n) * sizeof *out->loss);
  if (!read_line(at, n, out->at)) return false;
  if (axes == 1) return read_line(loss, n, out->loss);
  for (size_t i = 0; i < n; i++)
    if (!read_line(plt_json_item(loss, i), n, out->loss + i * n)) return false;
  return plt_json_length(loss) == n;
}

plt_status_t plt_surface_read(const char *file, plt_surface_t *out) {
  plt_json_t *json;
  plt_status_t status = PLT_OK;
  *out = (plt_surface_t){0};
  PLT_TRY(plt_json_read(file, BYTES_MAX, &json));
  if (!read_surface(json, out))
    status = plt_fail(PLT_ERR_DATA, "%s: is no landscape: `plateau landscape RUN -o FILE` makes one", file);
  plt_json_destroy(&json);
  plt_picture_name(file, out->name, sizeof out->name);
  if (status != PLT_OK) plt_surface_clear(out);
  return status;
}

/* ---- pictures ---- */

/* Of the tables themselves, in the middle. Pictures show how much the loss rises above it. */
static double loss_at_tables(const plt_surface_t *surface) {
  size_t points = surface->axes == 1 ? surface->n : surface->n * surface->n;
  return surface->loss[points / 2];
}

/* plain (loss 0.284) */
static void put_title(FILE *out, const plt_surface_t *surface) {
  char *title = plt_mem_print("%s (loss %.3g)", surface->name, loss_at_tables(surface));
  plt_picture_quote(out, title);
  free(title);
}

static void put_data(FILE *out, const plt_surface_t *surface, size_t number) {
  fprintf(out, "$s%zu << END\n", number);
  for (size_t i = 0; i < (surface->axes == 1 ? 1 : surface->n); i++) {
    for (size_t j = 0; j < surface->n; j++)
      fprintf(out, "%.9g %.9g %.9g\n", surface->at[j], surface->axes == 1 ? 0 : surface->at[i],
              surface->loss[i * surface->n + j] - loss_at_tables(surface));
    fputc('\n', out);
  }
  fputs("END\n", out);
}

static void find_range(const plt_surface_t *surfaces, size_t n, double range[2]) {
  range[0] = INFINITY, range[1] = -INFINITY;
  for (size_t s = 0; s < n; s++) {
    size_t points = surfaces[s].axes == 1 ? surfaces[s].n : surfaces[s].n * surfaces[s].n;
    for (size_t i = 0; i < points; i++) {
      double rise = surfaces[s].loss[i] - loss_at_tables(&surfaces[s]);
      if (!isfinite(rise)) continue;
      range[0] = fmin(range[0], rise);
      range[1] = fmax(range[1], rise);
    }
  }
  if (!(range[0] < range[1])) range[0] = 0, range[1] = 1;
}

static void put_lines(FILE *out, const plt_surface_t *surfaces, size_t n) {
  fputs(
      "set grid lc rgb '#dddddd'\nset xlabel 'distance along the direction, in lengths of rows'\n"
      "set ylabel 'rise of the loss'\nset key top center\nplot ",
      out);
  for (size_t s = 0; s < n; s++) {
    fprintf(out, "%s$s%zu using 1:3 with lines lw 2 title ", s == 0 ? "" : ", ", s);
    put_title(out, &surfaces[s]);
  }
  fputc('\n', out);
}

static void put_panels(FILE *out, const plt_surface_t *surfaces, size_t n) {
  double range[2];
  find_range(surfaces, n, range);
  fprintf(out,
          "set multiplot layout 2,%zu\nset zrange [%.9g:%.9g]\nset cbrange [%.9g:%.9g]\n"
          "set palette defined (0 '#30478c', 0.35 '#4aa3a2', 0.7 '#f2d16b', 1 '#c8463c')\nunset key\nunset colorbox\n"
          "set xtics offset 0,-0.3\nset xyplane relative 0\nset view 58,32\nset hidden3d\n",
          n, range[0], range[1], range[0], range[1]);
  for (size_t s = 0; s < n; s++) {
    fputs("set title ", out);
    put_title(out, &surfaces[s]);
    fprintf(out, "\nsplot $s%zu with pm3d\n", s);
  }
  fprintf(out,
          "set view map\nset contour base\nset cntrparam levels incremental %.9g,%.9g,%.9g\nunset surface\n"
          "set size square\nset xlabel 'first direction'\nset ylabel 'second direction'\n",
          range[0], (range[1] - range[0]) / 16, range[1]);
  for (size_t s = 0; s < n; s++) {
    fputs("set title ", out);
    put_title(out, &surfaces[s]);
    fprintf(out, "\nsplot $s%zu with lines lw 1.5 lc palette\n", s);
  }
  fputs("unset multiplot\n", out);
}

plt_status_t plt_surfaces_draw(const plt_surface_t *surfaces, size_t n, const char *path) {
  const bool lines = surfaces[0].axes == 1;
  plt_picture_t picture;
  plt_picture_begin(&picture, path, lines ? 800 : 420 * n + 40, lines ? 500 : 780);
  for (size_t s = 0; s < n; s++) put_data(picture.script, &surfaces[s], s);
  (lines ? put_lines : put_panels)(picture.script, surfaces, n);
  return plt_picture_end(&picture);
}
