/* Procedures: slots and tables of legs, worked out from stages whose models are no more than names of tables. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "worker/session/procedure.h"

enum { DIM = 8, STAGES_MAX = 4 };

typedef struct made {
  plt_procedure_t *procedure;
  plt_model_t *models; /* one per stage */
} made_t;

/* Stages with the tables that the letters name: "ui" has u and i. A capital letter is a table born anew. */
static made_t make_stages(size_t n, const char *const *letters) {
  made_t made = {plt_procedure_create(true), plt_mem_zalloc(n, sizeof(plt_model_t))};
  plt_procedure_make_room(made.procedure, n);
  for (size_t s = 0; s < n; s++) {
    plt_stage_t *stage = &made.procedure->stages[s];
    plt_model_t *model = &made.models[s];
    snprintf(stage->name, sizeof stage->name, "stage%zu", s);
    snprintf(stage->place, sizeof stage->place, "procedure.%zu", s);
    stage->slots = 1;
    stage->plan.model = model;
    stage->plan.seed = 11;
    for (const char *letter = letters[s]; *letter != '\0'; letter++) {
      size_t t = model->n_tables++;
      char name[2] = {(char)(*letter | 0x20), '\0'};
      strcpy(model->tables[t].name, name);
      stage->plan.specs[t] = (plt_table_spec_t){.rows = 100, .cols = DIM, .optimizer = "adam"};
      strcpy(stage->plan.specs[t].name, name);
      stage->is_fresh[t] = (*letter & 0x20) == 0;
    }
  }
  return made;
}

#define MAKE_STAGES(...) \
  make_stages(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__})

static void drop(made_t *made) {
  plt_procedure_destroy(&made->procedure);
  free(made->models);
}

/* "u i" of handed tables, "+i" of one born here, "(p)" of one kept for later; salts behind births that are not the
 * first. */
static void expect_tables(const plt_leg_t *leg, const char *want) {
  char told[256] = "";
  for (size_t i = 0; i < leg->n_tables; i++) {
    const plt_leg_table_t *table = &leg->tables[i];
    size_t at = strlen(told);
    cr_assert(!table->is_kept || table->is_handed);
    snprintf(told + at, sizeof told - at, "%s%s%s%s", i == 0 ? "" : " ",
             table->is_kept     ? "("
             : table->is_handed ? ""
                                : "+",
             table->spec->name, table->is_kept ? ")" : "");
    at = strlen(told);
    if (!table->is_handed && table->salt > 0) snprintf(told + at, sizeof told - at, "%d", (int)table->salt);
  }
  cr_assert_str_eq(told, want, "leg of %s, slot %u", leg->stage->name, leg->slot);
}

Test(procedure, tables_are_handed_on_born_kept_and_dropped) {
  made_t made = MAKE_STAGES("ui", "uIp", "x", "pi");
  plt_procedure_t *p = made.procedure;
  plt_procedure_add_legs(p, 0, 4, 1, false);
  cr_assert_eq(plt_procedure_link(p), PLT_OK, "%s", plt_fail_text());
  cr_assert_eq(p->n_legs, 4);
  expect_tables(&p->legs[0], "+u +i");
  expect_tables(&p->legs[1], "u +i1 +p");
  expect_tables(&p->legs[2], "+x (i) (p)"); /* nobody needs u any more */
  expect_tables(&p->legs[3], "p i");
  drop(&made);
}

Test(procedure, what_a_later_stage_makes_anew_is_not_kept) {
  made_t made = MAKE_STAGES("u", "x", "U");
  plt_procedure_t *p = made.procedure;
  plt_procedure_add_legs(p, 0, 3, 1, false);
  cr_assert_eq(plt_procedure_link(p), PLT_OK);
  expect_tables(&p->legs[1], "+x");
  expect_tables(&p->legs[2], "+u1");
  drop(&made);
}

Test(procedure, a_loop_runs_its_stages_in_turn) {
  made_t made = MAKE_STAGES("u", "uM", "mx", "u");
  plt_procedure_t *p = made.procedure;
  p->stages[1].slots = 3;
  plt_procedure_add_legs(p, 0, 1, 1, false);
  plt_procedure_add_legs(p, 1, 2, 2, true);
  plt_procedure_add_legs(p, 3, 1, 1, false);
  cr_assert_eq(plt_procedure_link(p), PLT_OK);
  const uint32_t slots[] = {0, 1, 4, 5, 8, 9};
  const char *const tables[] = {"+u", "u +m", "m +x (u)", "u +m1 (x)", "m x (u)", "u"};
  const char *const told[] = {
      "stage0", "stage1, round 1 of 2", "stage2, round 1 of 2", "stage1, round 2 of 2", "stage2, round 2 of 2",
      "stage3"};
  cr_assert_eq(p->n_legs, 6);
  for (size_t l = 0; l < 6; l++) {
    const plt_leg_t *leg = &p->legs[l];
    char text[128];
    plt_leg_describe(leg, text, sizeof text);
    cr_assert_str_eq(text, told[l]);
    cr_assert_eq(leg->slot, slots[l]);
    expect_tables(leg, tables[l]);
    cr_assert_eq(plt_procedure_number(p, leg), l);
    cr_assert_eq(plt_procedure_next(p, leg), l == 5 ? NULL : leg + 1);
    for (uint32_t slot = slots[l]; slot < slots[l] + leg->stage->slots; slot++)
      cr_assert_eq(plt_procedure_leg(p, slot), leg);
  }
  cr_assert_null(plt_procedure_leg(p, 10));
  drop(&made);
}

Test(procedure, a_kept_table_is_declared_frozen_and_without_an_optimizer) {
  made_t made = MAKE_STAGES("ui", "i", "u");
  plt_procedure_t *p = made.procedure;
  plt_table_spec_t spec;
  p->stages[0].plan.specs[0].lr_scale = 0.5;
  plt_procedure_add_legs(p, 0, 3, 1, false);
  cr_assert_eq(plt_procedure_link(p), PLT_OK);
  plt_leg_spec(&p->legs[0], 0, &spec);
  cr_assert(strcmp(spec.name, "u") == 0 && !spec.frozen && spec.lr_scale == 0.5);
  plt_leg_spec(&p->legs[1], 1, &spec);
  cr_assert(strcmp(spec.name, "u") == 0 && spec.frozen && spec.lr_scale == 0 && spec.optimizer[0] == '\0');
  plt_leg_spec(&p->legs[2], 0, &spec);
  cr_assert(strcmp(spec.name, "u") == 0 && !spec.frozen && strcmp(spec.optimizer, "adam") == 0);
  drop(&made);
}

Test(procedure, the_plan_of_a_slot_has_what_is_of_the_run_and_draws_of_its_own) {
  made_t made = MAKE_STAGES("u", "u");
  plt_procedure_t *p = made.procedure;
  plt_plan_t run = {.run_dir = "there", .workers = 3, .servers = 2, .max_steps = 9}, plans[3];
  p->stages[0].plan.epochs = 5;
  p->stages[1].slots = 2;
  plt_procedure_add_legs(p, 0, 2, 1, false);
  cr_assert_eq(plt_procedure_link(p), PLT_OK);
  for (uint32_t slot = 0; slot < 3; slot++) {
    const plt_leg_t *leg = plt_procedure_leg(p, slot);
    plt_leg_plan(p, leg, slot, &run, &plans[slot]);
    cr_assert(plans[slot].leg == leg && plans[slot].procedure == p);
    cr_assert(plans[slot].workers == 3 && plans[slot].servers == 2 && plans[slot].max_steps == 9);
    cr_assert_str_eq(plans[slot].run_dir, "there");
  }
  cr_assert_eq(plans[0].epochs, 5);
  cr_assert_eq(plans[0].seed, 11, "a plain run is the first slot");
  cr_assert(plans[1].seed != 11 && plans[2].seed != 11 && plans[1].seed != plans[2].seed);
  drop(&made);
}

static void refused(made_t *made, size_t n, const char *text) {
  plt_procedure_add_legs(made->procedure, 0, n, 1, false);
  cr_assert_eq(plt_procedure_link(made->procedure), PLT_ERR_USAGE);
  cr_assert(strstr(plt_fail_text(), text) != NULL, "%s", plt_fail_text());
  drop(made);
}

Test(procedure, what_cannot_be_is_refused_with_stage_and_table) {
  made_t made = MAKE_STAGES("u", "x", "u");
  made.procedure->stages[2].plan.specs[0].cols = 4;
  refused(&made, 3, "procedure.2: stage stage2 has table u of 100 x 4, but stage stage1 hands it on as 100 x 8");
  made = MAKE_STAGES("u", "p");
  made.procedure->stages[1].is_frozen[0] = true;
  refused(&made, 2, "procedure.1: stage stage1 freezes table p, but no stage before hands it on");
  made = MAKE_STAGES("u", "u");
  made.procedure->stages[0].slots = made.procedure->stages[1].slots = UINT32_MAX;
  refused(&made, 2, "2^32");
  made = MAKE_STAGES("u", "p");
  made.procedure->stages[1].is_frozen[0] = true;
  made.models[1].tables[0].initial = (const plt_feature_t *)&made; /* features: values enough */
  plt_procedure_add_legs(made.procedure, 0, 2, 1, false);
  cr_assert_eq(plt_procedure_link(made.procedure), PLT_OK, "%s", plt_fail_text());
  drop(&made);
}
