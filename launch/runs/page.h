/* page.h - an HTML page of its own: no network, no script; light and dark as the reader has it, from phones up.
 *
 *   begin ─▶ { section ─▶ paragraph, sheet, charts ─▶ section_end } ─▶ end
 *
 * Ownership  everything is borrowed.
 * Threads    any.
 * Errors     none; whoever closes the file learns of those. */
#ifndef PLT_LAUNCH_RUNS_PAGE_H
#define PLT_LAUNCH_RUNS_PAGE_H

#include "launch/runs/sheet.h"

void plt_page_begin(const char *title, FILE *out);
void plt_page_end(FILE *out);
/* Text with what HTML would read otherwise put aside. */
void plt_page_text(const char *text, FILE *out);
void plt_page_section(const char *title, FILE *out);
void plt_page_section_end(FILE *out);
void plt_page_paragraph(const char *text, FILE *out);
/* A table; destroys the sheet. Nothing without rows. */
void plt_page_sheet(plt_sheet_t **sheet, FILE *out);
/* What is folded until a reader asks for it. */
void plt_page_fold(const char *title, FILE *out);
void plt_page_fold_end(FILE *out);

#endif
