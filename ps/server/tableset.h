/* tableset.h - the tables of one server in the order of their declaration: declare, restore, check, read, save.
 *
 * A server that starts from a checkpoint fills a table when it is declared, from all parts of the checkpoint: so
 * it may have been written by another number of servers. What of it a table takes is the start's kind (start.h).
 *
 * Handing over   plt_tableset_enter() ends the tables there are and begins the list anew. What is declared then takes
 *                the values of the table of its name, whatever its optimizer was: of those there were, or of those in
 *                another checkpoint of this job. When all are declared, the others are gone.
 * Threads    one owner: the server's loop.
 * Errors     PLT_ERR_PROTOCOL for what a peer did wrong, PLT_ERR_CHECKPOINT and PLT_ERR_IO for files. */
#ifndef PLT_PS_SERVER_TABLESET_H
#define PLT_PS_SERVER_TABLESET_H

#include "ps/checkpoint/checkpoint.h"
#include "ps/server/start.h"

typedef struct plt_tableset plt_tableset_t;

/* *head receives what the checkpoint's first part says, if the start goes on with it. */
plt_status_t plt_tableset_create(uint32_t number, uint32_t servers, const plt_start_t *start,
                                 plt_checkpoint_head_t *head, plt_tableset_t **out);
void plt_tableset_destroy(plt_tableset_t **set);

/* A crew that shares the work on rows of tables that are declared from now on; it outlives them. */
void plt_tableset_share(plt_tableset_t *set, plt_crew_t *crew);
/* What all tables together may take; 0: no limit. */
void plt_tableset_limit(plt_tableset_t *set, uint64_t bytes);
/* Declares table `index`, with its rows if there are any to take and it is not `anew`. These may take a while: with
 * *later true the same declaration is to be made again when plt_tableset_is_reading() has become false.
 * PLT_ERR_USAGE, before anything is allocated, when its rows would not fit. The same declaration again is fine, another
 * one is PLT_ERR_PROTOCOL. */
plt_status_t plt_tableset_declare(plt_tableset_t *set, uint32_t index, const plt_table_spec_t *spec, bool anew,
                                  bool *later);
/* `n` tables will be declared; dir NULL: they take the values of those there are. PLT_ERR_PROTOCOL when temporary
 * tables are there, or declarations of the last time are not over. */
plt_status_t plt_tableset_enter(plt_tableset_t *set, size_t n, const char *dir, const plt_manifest_t *manifest);
bool plt_tableset_is_reading(const plt_tableset_t *set);
/* The files of the checkpoint, and tables from before, are no longer needed: all are declared. */
void plt_tableset_settled(plt_tableset_t *set);
size_t plt_tableset_size(const plt_tableset_t *set);
/* The first so many tables are for good: they are what a checkpoint holds. Temporary ones stand behind them. */
size_t plt_tableset_lasting(const plt_tableset_t *set);
/* Destroys the last table, which must be temporary, else PLT_ERR_PROTOCOL; one that is gone already is fine. */
plt_status_t plt_tableset_drop(plt_tableset_t *set, uint32_t index);
plt_table_t *const *plt_tableset_tables(const plt_tableset_t *set);
/* NULL if there is no such table. */
plt_table_t *plt_tableset_table(const plt_tableset_t *set, uint32_t index);

/* Checks all sections of a message: tables known, shapes right, keys of this shard, no push into a frozen
 * table, no table asked for twice, an answer of bounded size, and memory for rows that are new. */
plt_status_t plt_tableset_check(const plt_tableset_t *set, const plt_header_t *header);
/* Bytes of the rows of a pull, and of all that `asked` pulls. */
uint64_t plt_tableset_pull_bytes(const plt_tableset_t *set, const plt_section_t *pull);
uint64_t plt_tableset_answer_bytes(const plt_tableset_t *set, const plt_header_t *asked);
/* Part `part` of `parts` of them (proto/parts.h; of 1: all): answers the pull sections of `asked` with as many sections
 * of rows. Their values go to the places of the pulls, which have room, or, without `pool` being NULL, into buffers of
 * it. */
plt_section_t *plt_tableset_read(const plt_tableset_t *set, const plt_header_t *asked, uint32_t part, uint32_t parts,
                                 plt_pool_t *pool, plt_arena_t *arena, size_t *n);

#endif
