/* curves.c - see curves.h. */
#include "launch/tasks/curves.h"

#include <stdlib.h>
#include <string.h>

#include "launch/tasks/picture.h"

enum { BYTES_MAX = 16 << 20 };

/* ---- files ---- */

static bool find_kind(const plt_json_t *json, plt_disturb_kind_t *out) {
  const char *name = plt_json_get_text(plt_json_find(json, "kind"));
  for (plt_disturb_kind_t kind = 0; kind < PLT_DISTURB_KINDS && name != NULL; kind++)
    if (strcmp(name, plt_disturb_names[kind]) == 0) {
      *out = kind;
      return true;
    }
  return false;
}

static bool read_point(const plt_json_t *json, const plt_curves_of_t *of, plt_curve_t *out) {
  plt_disturb_kind_t kind;
  plt_curve_point_t point;
  const plt_json_t *part = plt_json_find(json, of->part);
  if (!find_kind(json, &kind) || out->n[kind] > PLT_ROBUSTNESS_MAX) return false;
  if (!plt_json_get_real(plt_json_find(json, "amount"), &point.amount) ||
      !plt_json_get_real(plt_json_find(part, of->metric), &point.mean) ||
      !plt_json_get_real(plt_json_find(plt_json_find(part, "deviation"), of->metric), &point.deviation))
    return false;
  out->at[kind][out->n[kind]++] = point;
  return true;
}

static int by_amount(const void *a, const void *b) {
  const plt_curve_point_t *x = a, *y = b;
  return (x->amount > y->amount) - (x->amount < y->amount);
}

static bool read_curve(const plt_json_t *json, const plt_curves_of_t *of, plt_curve_t *out) {
  plt_curve_point_t clean = {0};
  const plt_json_t *list = plt_json_find(plt_json_find(json, "robustness"), "at"), *point;
  if (!plt_json_get_real(plt_json_find(plt_json_find(json, of->part), of->metric), &clean.mean)) return false;
  for (size_t kind = 0; kind < PLT_DISTURB_KINDS; kind++) out->at[kind][out->n[kind]++] = clean;
  for (size_t i = 0; (point = plt_json_item(list, i)) != NULL; i++)
    if (!read_point(point, of, out)) return false;
  for (size_t kind = 0; kind < PLT_DISTURB_KINDS; kind++) {
    if (out->n[kind] == 1) out->n[kind] = 0;
    qsort(out->at[kind], out->n[kind], sizeof *out->at[kind], by_amount);
  }
  return list != NULL;
}

plt_status_t plt_curve_make(const plt_json_t *json, const char *file, const plt_curves_of_t *of, plt_curve_t *out) {
  *out = (plt_curve_t){0};
  plt_picture_name(file, out->name, sizeof out->name);
  if (read_curve(json, of, out)) return PLT_OK;
  return plt_fail(PLT_ERR_DATA,
                  "%s: has no %s of %s with features disturbed: `plateau evaluate RUN --noise 0.1,0.2 --json` writes "
                  "that",
                  file, of->metric, of->part);
}

plt_status_t plt_curve_read(const char *file, const plt_curves_of_t *of, plt_curve_t *out) {
  plt_json_t *json;
  PLT_TRY(plt_json_read(file, BYTES_MAX, &json));
  plt_status_t status = plt_curve_make(json, file, of, out);
  plt_json_destroy(&json);
  return status;
}

/* ---- the picture ---- */

static bool any_has(const plt_curve_t *curves, size_t n, plt_disturb_kind_t kind) {
  for (size_t c = 0; c < n; c++)
    if (curves[c].n[kind] > 0) return true;
  return false;
}

static void put_panel(FILE *out, const plt_curve_t *curves, size_t n, plt_disturb_kind_t kind) {
  static const char *const below[PLT_DISTURB_KINDS] = {"noise, in deviations of the modality",
                                                       "share of items with the features of others"};
  for (size_t c = 0; c < n; c++) {
    fprintf(out, "$k%dc%zu << END\n", (int)kind, c);
    for (size_t i = 0; i < curves[c].n[kind]; i++) {
      const plt_curve_point_t *point = &curves[c].at[kind][i];
      fprintf(out, "%.9g %.9g %.9g\n", point->amount, point->mean, point->deviation);
    }
    fputs("END\n", out);
  }
  fprintf(out, "set xlabel '%s'\nplot ", below[kind]);
  for (size_t c = 0, drawn = 0; c < n; c++) {
    if (curves[c].n[kind] == 0) continue;
    fprintf(out, "%s$k%dc%zu using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.6 title ", drawn++ == 0 ? "" : ", ", (int)kind,
            c);
    plt_picture_quote(out, curves[c].name);
  }
  fputc('\n', out);
}

plt_status_t plt_curves_draw(const plt_curve_t *curves, size_t n, const plt_curves_of_t *of, const char *path) {
  size_t panels = 0;
  plt_picture_t picture;
  for (plt_disturb_kind_t kind = 0; kind < PLT_DISTURB_KINDS; kind++) panels += any_has(curves, n, kind);
  plt_picture_begin(&picture, path, 520 * panels, 400);
  fprintf(picture.script,
          "set multiplot layout 1,%zu\nset grid lc rgb '#dddddd'\nset key bottom left\nset yrange [0:*]\nset ylabel "
          "'%s, %s'\n",
          panels, of->metric, of->part);
  for (plt_disturb_kind_t kind = 0; kind < PLT_DISTURB_KINDS; kind++)
    if (any_has(curves, n, kind)) put_panel(picture.script, curves, n, kind);
  fputs("unset multiplot\n", picture.script);
  return plt_picture_end(&picture);
}
