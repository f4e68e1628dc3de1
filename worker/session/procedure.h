/* procedure.h - what a job does from its beginning to its end: its stages, in the order in which they run.
 *
 *   configuration        stages           legs                                 slots
 *   - stage a            a                a                                    0
 *   - repeat: 2          b                b, outer 0 · c, outer 0              1 · 2
 *     stages: [b, c]     c                b, outer 1 · c, outer 1              3 · 4
 *
 * A leg is one execution of a stage; a loop makes several of each of its stages. A leg takes as many slots as its kind
 * says: the number `stage` in the key of every draw, and in progress. A plain run is one leg of one slot.
 *
 * Tables     those of a leg are the model's, in the model's order, then those that a later leg needs: table t of a
 *            model is table t on the servers in every stage. Each is handed on from the leg before or born here. What
 *            no later leg takes over is left out: so it goes. A stage that validates hands on its best tables.
 * Ownership  the procedure owns legs and names; models, strategies, samplers are the launcher's.
 * Threads    read-only after plt_procedure_link().
 * Errors     PLT_ERR_USAGE from plt_procedure_link(), naming stage and table: a table is handed on in another shape;
 *            a frozen one comes from nowhere; too many tables or slots.
 * Source     docs/decisions/procedures.md. */
#ifndef PLT_WORKER_SESSION_PROCEDURE_H
#define PLT_WORKER_SESSION_PROCEDURE_H

#include "worker/session/plan.h"

enum { PLT_STAGE_NAME_MAX = 48, PLT_REPEAT_MAX = 10000 };

typedef struct plt_stage {
  char name[PLT_STAGE_NAME_MAX];    /* in metrics and among files of replays */
  char place[32];                   /* in the configuration, for messages: "procedure.0" */
  size_t part, parts;               /* of an entry that is several stages, one per modality; else 0 of 1 */
  const char *modality;             /* whose stage it is, then; the data set's; or NULL */
  const struct plt_stage_ops *kind; /* worker/procedures/stage.h */
  void *settings;                   /* of the kind; the procedure's */
  uint32_t slots;                   /* of a leg */
  /* Of table t of the model: it is born in every leg, though there is one of its name; it is not trained. */
  bool is_fresh[PLT_MODEL_TABLES_MAX], is_frozen[PLT_MODEL_TABLES_MAX];
  plt_plan_t plan; /* of slot 0 */
} plt_stage_t;

/* A table of a leg. */
typedef struct plt_leg_table {
  const plt_table_spec_t *spec;  /* of the plan of the stage that names it, for name and shape */
  const plt_table_spec_t *birth; /* of the plan of the stage in which it is born: what it starts with */
  const plt_feature_t *initial;  /* the same: its rows started as these; or NULL */
  uint64_t salt;                 /* the same: how often a table of this name was born before */
  bool is_handed;                /* from the leg before; false: it is born here */
  bool is_kept;                  /* for a later leg; this one does not know it */
} plt_leg_table_t;

typedef struct plt_leg {
  const plt_stage_t *stage;
  uint32_t slot;   /* the first of them */
  uint32_t outer;  /* how often the loop was run before */
  uint32_t repeat; /* how often it is run in all; 0: there is no loop */
  plt_leg_table_t *tables;
  size_t n_tables;
} plt_leg_t;

typedef struct plt_procedure {
  plt_stage_t *stages;
  size_t n_stages;
  plt_leg_t *legs;
  size_t n_legs, legs_capacity;
  bool is_given; /* by the configuration; false: a plain run */
} plt_procedure_t;

plt_procedure_t *plt_procedure_create(bool is_given);
void plt_procedure_destroy(plt_procedure_t **procedure);
/* Room for `n` stages, zeroed, which the caller fills before plt_procedure_link(). */
void plt_procedure_make_room(plt_procedure_t *procedure, size_t n);
/* Appends the legs of stages [first, first + n), run `repeat` times one after the other. */
void plt_procedure_add_legs(plt_procedure_t *procedure, size_t first, size_t n, uint32_t repeat, bool is_loop);
/* Works out slots and tables, once all stages and legs are there. */
plt_status_t plt_procedure_link(plt_procedure_t *procedure);

/* The leg that has the slot; NULL behind the end. */
const plt_leg_t *plt_procedure_leg(const plt_procedure_t *procedure, uint32_t slot);
/* The one after it, NULL for the last. */
const plt_leg_t *plt_procedure_next(const plt_procedure_t *procedure, const plt_leg_t *leg);
/* The last leg of the stage that `name` means: "mask", or "mask:2" in the second round of a loop; of those of all
 * modalities the last. SIZE_MAX: there is none. */
size_t plt_procedure_find(const plt_procedure_t *procedure, const char *name);
/* Which of the legs it is, from 0. */
size_t plt_procedure_number(const plt_procedure_t *procedure, const plt_leg_t *leg);
/* "mask", "mask, round 2 of 5" for people; into out. */
void plt_leg_describe(const plt_leg_t *leg, char *out, size_t bytes);
/* Table i as it is declared. */
void plt_leg_spec(const plt_leg_t *leg, size_t i, plt_table_spec_t *out);
/* The plan of a slot of the leg: that of its stage, with what `run` says of the whole run. Its sampler is the
 * stage's. */
void plt_leg_plan(const plt_procedure_t *procedure, const plt_leg_t *leg, uint32_t slot, const plt_plan_t *run,
                  plt_plan_t *out);

#endif
