/* sheet.h - rows and columns that people or programs read: as a table, Markdown, CSV or JSON.
 *
 *   create ─▶ column ... ─▶ { row ─▶ text, number ... } ─▶ print
 *
 * A cell has what people are shown and what programs read: a number with all its digits, or a text. A cell that was not
 * filled is "-" for people, empty in CSV and null in JSON.
 * Ownership  the caller destroys it; it copies all it is given.
 * Threads    one owner.
 * Errors     none; whoever closes the file learns of those. format_of: PLT_ERR_USAGE. */
#ifndef PLT_LAUNCH_RUNS_SHEET_H
#define PLT_LAUNCH_RUNS_SHEET_H

#include <stdbool.h>
#include <stdio.h>

#include "common/io/json.h"

typedef enum { PLT_SHEET_TABLE, PLT_SHEET_MARKDOWN, PLT_SHEET_CSV, PLT_SHEET_JSON } plt_sheet_format_t;
/* "table", "markdown", "csv", "json"; command: for the message. */
plt_status_t plt_sheet_format_of(const char *command, const char *name, plt_sheet_format_t *out);

typedef struct plt_sheet plt_sheet_t;

plt_sheet_t *plt_sheet_create(void);
void plt_sheet_destroy(plt_sheet_t **sheet);
/* key: for programs; title: for people, NULL: the same; right: numbers stand at the right edge. */
void plt_sheet_column(plt_sheet_t *sheet, const char *key, const char *title, bool right);
/* Begins a row. The cells follow, from left to right. */
void plt_sheet_row(plt_sheet_t *sheet);
/* NULL or not finite: the cell stays empty. `shown` of a number: what people see. */
void plt_sheet_text(plt_sheet_t *sheet, const char *text);
void plt_sheet_number(plt_sheet_t *sheet, double value, const char *shown);
/* A text that may be a number: one for programs then. */
void plt_sheet_value(plt_sheet_t *sheet, const char *text);
/* A number, shown with so many decimals. */
void plt_sheet_real(plt_sheet_t *sheet, double value, int decimals);
void plt_sheet_skip(plt_sheet_t *sheet);

/* Table, Markdown, CSV. */
void plt_sheet_print(const plt_sheet_t *sheet, plt_sheet_format_t format, FILE *out);
/* The same of one that is not wanted any more: it is destroyed. */
void plt_sheet_hand_out(plt_sheet_t *sheet, plt_sheet_format_t format, FILE *out);
/* A list of objects, under `key`. */
void plt_sheet_put(const plt_sheet_t *sheet, plt_json_t *to, const char *key);
/* What people are shown; "-" where there is nothing. */
size_t plt_sheet_rows(const plt_sheet_t *sheet);
size_t plt_sheet_columns(const plt_sheet_t *sheet);
const char *plt_sheet_title(const plt_sheet_t *sheet, size_t column);
bool plt_sheet_is_right(const plt_sheet_t *sheet, size_t column);
const char *plt_sheet_shown(const plt_sheet_t *sheet, size_t row, size_t column);

#endif
