/* Packed interactions: the same dataset as their text, and one clear line for everything that a file can have wrong. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"
#include "common/io/fileio.h"
#include "tests/unit/worker/folder.h"
#include "worker/data/dataset.h"
#include "worker/data/pack.h"
#include "worker/data/pack_head.h"
#include "worker/graph/graph.h"

#define HEADER "userID\titemID\tx_label\n"
/* 4 users, 5 items; a pair twice, a user without training pairs, an item nobody trains on. */
#define SMALL HEADER "0\t3\t0\n1\t0\t0\n0\t1\t0\n0\t2\t1\n1\t3\t2\n0\t3\t0\n2\t0\t2\n3\t1\t0\n3\t4\t1\n"

static plt_dataset_t *open_ok(const char *path, const char *chosen) {
  plt_dataset_t *data = NULL;
  cr_assert_eq(plt_dataset_open(path, chosen, NULL, 0, &data), PLT_OK, "%s", plt_fail_text());
  return data;
}

static void in_folder(const folder_t *folder, const char *name, char path[PLT_PATH_MAX]) {
  cr_assert_eq(plt_path_join(folder->path, name, path), PLT_OK);
}

static void pack_folder(const folder_t *folder, const char *text, const char *second, const char *name) {
  plt_dataset_t *data = open_ok(folder->path, second == NULL ? text : NULL);
  plt_graph_t *graph = plt_graph_create(data, 1);
  plt_packed_edges_t edges = {.n = graph->edges};
  for (size_t s = 0; s < PLT_PACKED_SIDES; s++)
    edges.side[s] = (plt_packed_side_t){graph->of[s].offset, graph->of[s].id, graph->of[s].norm};
  char first_path[PLT_PATH_MAX], second_path[PLT_PATH_MAX], path[PLT_PATH_MAX];
  in_folder(folder, text, first_path);
  if (second != NULL) in_folder(folder, second, second_path);
  in_folder(folder, name, path);
  plt_pack_origin_t origin = {{first_path, second == NULL ? NULL : second_path}};
  uint64_t bytes = 0;
  cr_assert_eq(plt_pack_write(path, data, &edges, &origin, &bytes), PLT_OK, "%s", plt_fail_text());
  struct stat info;
  cr_assert_eq(stat(path, &info), 0);
  cr_expect_eq((uint64_t)info.st_size, bytes);
  plt_graph_destroy(&graph);
  plt_dataset_destroy(&data);
}

static folder_t packed_of(const char *rows) {
  folder_t folder = folder_make();
  folder_text(&folder, "small.inter", rows);
  pack_folder(&folder, "small.inter", NULL, "small.pack");
  return folder;
}

static folder_t packed_small(void) { return packed_of(SMALL); }

static void expect_same_graph(const plt_dataset_t *a, const plt_dataset_t *b) {
  plt_graph_t *x = plt_graph_open(a, 1, NULL), *y = plt_graph_open(b, 1, NULL);
  cr_assert_eq(x->edges, y->edges);
  for (plt_side_t s = PLT_SIDE_USER; s < PLT_SIDES; s++) {
    cr_assert_eq(x->of[s].nodes, y->of[s].nodes);
    cr_expect_arr_eq(x->of[s].offset, y->of[s].offset, (x->of[s].nodes + 1) * sizeof *x->of[s].offset);
    cr_expect_arr_eq(x->of[s].id, y->of[s].id, x->edges * sizeof *x->of[s].id);
    cr_expect_arr_eq(x->of[s].norm, y->of[s].norm, x->of[s].nodes * sizeof *x->of[s].norm);
  }
  plt_graph_destroy(&x);
  plt_graph_destroy(&y);
}

static void expect_same(const plt_dataset_t *a, const plt_dataset_t *b) {
  cr_expect_str_eq(a->name, b->name);
  cr_assert_eq(a->users, b->users);
  cr_assert_eq(a->items, b->items);
  cr_assert_eq(a->n_train, b->n_train);
  cr_assert_eq(a->n_train_items, b->n_train_items);
  cr_expect_eq(a->duplicates, b->duplicates);
  cr_expect_arr_eq(a->train, b->train, a->n_train * sizeof *a->train);
  cr_expect_arr_eq(a->train_items, b->train_items, a->n_train_items * sizeof *a->train_items);
  for (size_t p = 0; p < PLT_PARTS; p++) {
    cr_assert_eq(a->part[p].n, b->part[p].n);
    cr_assert_eq(a->part[p].offset == NULL, a->part[p].n == 0);
    cr_assert_eq(b->part[p].offset == NULL, b->part[p].n == 0);
    if (a->part[p].n == 0) continue;
    cr_expect_arr_eq(a->part[p].offset, b->part[p].offset, (a->users + 1) * sizeof *a->part[p].offset);
    cr_expect_arr_eq(a->part[p].item, b->part[p].item, a->part[p].n * sizeof *a->part[p].item);
  }
  cr_assert_eq(a->environments, b->environments);
  cr_assert_eq(a->environment == NULL, b->environment == NULL);
  if (a->environment != NULL) cr_expect_arr_eq(a->environment, b->environment, a->n_train * sizeof *a->environment);
  expect_same_graph(a, b);
}

Test(pack, is_the_same_dataset_as_its_text) {
  folder_t folder = packed_small();
  plt_dataset_t *text = open_ok(folder.path, "small.inter"), *pack = open_ok(folder.path, NULL);
  cr_expect_null(text->pack.map);
  cr_expect_not_null(pack->pack.map, "the packed file goes before its text");
  cr_expect_eq(pack->duplicates, 1);
  expect_same(text, pack);
  plt_dataset_destroy(&pack);
  char path[PLT_PATH_MAX];
  in_folder(&folder, "small.pack", path);
  pack = open_ok(path, NULL); /* by its own path */
  expect_same(text, pack);
  plt_dataset_destroy(&pack);
  plt_dataset_destroy(&text);
  folder_remove(&folder);
}

/* A shifted part and environments: a file of the newer version, and each of them alone. */
#define WIDE "environment\tuserID\titemID\tx_label\n"
static const char *const shifted[] = {
    WIDE
    "2\t0\t3\t0\n1\t1\t0\t0\n0\t0\t1\t0\n7\t0\t2\t3\n9\t1\t3\t2\n2\t2\t0\t0\n9\t1\t4\t3\n"
    "1\t2\t1\t0\n4\t2\t2\t1\n",
    WIDE "2\t0\t3\t0\n0\t1\t0\t0\n0\t0\t1\t0\n9\t1\t3\t2\n", HEADER "0\t3\t0\n1\t0\t0\n1\t4\t3\n"};

Test(pack, shift_and_environments) {
  for (size_t i = 0; i < sizeof shifted / sizeof *shifted; i++) {
    folder_t folder = folder_make();
    folder_text(&folder, "small.inter", shifted[i]);
    pack_folder(&folder, "small.inter", NULL, "small.pack");
    plt_dataset_t *text = open_ok(folder.path, "small.inter"), *pack = open_ok(folder.path, NULL), *again = NULL;
    cr_expect_eq(((plt_pack_head_t *)pack->pack.map)->version, 2);
    cr_expect_eq(pack->environments, i < 2 ? 3 : 0, "of training pairs alone");
    cr_expect_eq(pack->part[PLT_PART_SHIFT].n, i == 0 ? 2 : i == 1 ? 0 : 1);
    expect_same(text, pack);
    plt_source_t source;
    plt_interactions_t *rows = NULL;
    cr_assert_eq(plt_source_find(folder.path, NULL, PLT_SOURCE_ANY, &source), PLT_OK);
    cr_assert_eq(plt_interactions_read(&source, NULL, &rows), PLT_OK, "%s", plt_fail_text());
    plt_source_clear(&source);
    cr_assert_eq(plt_dataset_from_rows(&rows, &again), PLT_OK, "%s", plt_fail_text());
    expect_same(text, again);
    plt_dataset_destroy(&again);
    plt_dataset_destroy(&pack);
    plt_dataset_destroy(&text);
    folder_remove(&folder);
  }
}

Test(pack, lightgcn_with_two_texts) {
  folder_t folder = folder_make();
  folder_text(&folder, "train.txt", "0 1 3\n1 0\n2 2 1\n");
  folder_text(&folder, "test.txt", "0 2\n1\n");
  plt_dataset_t *text = open_ok(folder.path, NULL);
  char name[PLT_PATH_MAX];
  snprintf(name, sizeof name, "%s.pack", text->name);
  pack_folder(&folder, "train.txt", "test.txt", name);
  plt_dataset_t *pack = open_ok(folder.path, NULL);
  cr_expect_not_null(pack->pack.map);
  expect_same(text, pack);
  plt_dataset_destroy(&pack);
  plt_dataset_destroy(&text);
  folder_text(&folder, "test.txt", "0 2\n1 3\n");
  cr_expect_eq(plt_dataset_open(folder.path, NULL, NULL, 0, &pack), PLT_ERR_DATA);
  cr_expect_not_null(strstr(plt_fail_text(), "test.txt has changed"), "%s", plt_fail_text());
  folder_remove(&folder);
}

Test(pack, gives_its_rows_back) {
  folder_t folder = packed_small();
  plt_source_t source;
  plt_interactions_t *rows = NULL;
  plt_dataset_t *data = open_ok(folder.path, NULL), *again = NULL;
  cr_assert_eq(plt_source_find(folder.path, NULL, PLT_SOURCE_ANY, &source), PLT_OK);
  cr_expect(source.is_pack);
  cr_assert_eq(plt_interactions_read(&source, NULL, &rows), PLT_OK, "%s", plt_fail_text());
  cr_expect_eq(rows->n, 9);
  cr_expect_eq(rows->row[0].item, 3);
  cr_expect_eq(rows->row[8].line, 9);
  plt_source_clear(&source);
  cr_assert_eq(plt_dataset_from_rows(&rows, &again), PLT_OK, "%s", plt_fail_text());
  cr_expect_null(rows);
  expect_same(data, again);
  plt_dataset_destroy(&again);
  plt_dataset_destroy(&data);
  folder_remove(&folder);
}

/* ---- which file ---- */

static void expect_refusal(const char *path, const char *word) {
  plt_dataset_t *data = NULL;
  cr_expect_eq(plt_dataset_open(path, NULL, NULL, 0, &data), PLT_ERR_DATA, "expected: %s", word);
  cr_expect_null(data);
  cr_expect_not_null(strstr(plt_fail_text(), word), "no \"%s\" in: %s", word, plt_fail_text());
  cr_expect_null(strchr(plt_fail_text(), '\n'));
}

Test(pack, of_another_data_set_must_be_chosen) {
  folder_t folder = packed_small();
  folder_text(&folder, "other.inter", SMALL);
  expect_refusal(folder.path, "choose one (data.interactions): other.inter, small.inter, small.pack");
  plt_dataset_t *data = open_ok(folder.path, "small.pack");
  cr_expect_not_null(data->pack.map);
  plt_dataset_destroy(&data);
  plt_source_t source;
  cr_expect_eq(plt_source_find(folder.path, "small.pack", PLT_SOURCE_TEXT, &source), PLT_ERR_DATA);
  cr_expect_not_null(strstr(plt_fail_text(), "packed already"), "%s", plt_fail_text());
  folder_remove(&folder);
}

Test(pack, older_than_its_text_is_refused) {
  folder_t folder = packed_small();
  char text[PLT_PATH_MAX], pack[PLT_PATH_MAX];
  in_folder(&folder, "small.inter", text);
  in_folder(&folder, "small.pack", pack);
  struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
  cr_assert_eq(utimensat(AT_FDCWD, text, times, 0), 0);
  plt_dataset_t *data = open_ok(folder.path, NULL); /* another time, the same bytes */
  plt_dataset_destroy(&data);
  folder_text(&folder, "small.inter",
              HEADER "0\t3\t0\n1\t0\t0\n0\t1\t0\n0\t2\t1\n1\t3\t2\n0\t3\t0\n2\t0\t2\n3\t1\t0\n3\t4\t2\n");
  expect_refusal(folder.path, "small.inter has changed since it was packed; pack it again");
  cr_expect_eq(plt_pack_verify(pack), PLT_ERR_DATA);
  folder_text(&folder, "small.inter", SMALL "3\t3\t0\n");
  expect_refusal(folder.path, "has changed");
  data = open_ok(folder.path, "small.inter");
  plt_dataset_destroy(&data);
  cr_assert_eq(unlink(text), 0);
  data = open_ok(folder.path, NULL); /* without its text it stands for itself */
  plt_dataset_destroy(&data);
  cr_expect_eq(plt_pack_verify(pack), PLT_OK);
  folder_remove(&folder);
}

/* ---- damage ---- */

typedef struct image {
  folder_t folder;
  char path[PLT_PATH_MAX];
  char *bytes, *good;
  size_t n;
} image_t;

static image_t image_of(const char *rows) {
  image_t image = {.folder = packed_of(rows)};
  in_folder(&image.folder, "small.inter", image.path);
  cr_assert_eq(unlink(image.path), 0);
  in_folder(&image.folder, "small.pack", image.path);
  cr_assert_eq(plt_file_read(image.path, 1 << 20, &image.good, &image.n), PLT_OK);
  image.bytes = malloc(image.n);
  memcpy(image.bytes, image.good, image.n);
  return image;
}

static image_t image_make(void) { return image_of(SMALL); }

static void image_free(image_t *image) {
  folder_remove(&image->folder);
  free(image->bytes);
  free(image->good);
}

static plt_pack_head_t *head_of(const image_t *image) { return (plt_pack_head_t *)(void *)image->bytes; }

/* Checksums that fit: what only the other checks can find. */
static void seal(image_t *image) {
  plt_pack_head_t *head = head_of(image);
  head->body = plt_hash64(0, image->bytes + PLT_PACK_HEAD, image->n - PLT_PACK_HEAD);
  head->head = plt_pack_head_hash(head);
}

/* Writes n bytes of the image, expects a refusal, and heals the image. */
static void refuses(image_t *image, size_t n, const char *word) {
  FILE *file = fopen(image->path, "wb");
  cr_assert_not_null(file);
  fwrite(image->bytes, 1, n, file);
  fclose(file);
  expect_refusal(image->folder.path, word);
  memcpy(image->bytes, image->good, image->n);
}

Test(pack, cut_short_anywhere) {
  image_t image = image_make();
  for (size_t n = 0; n < image.n; n += n < sizeof(plt_pack_head_t) ? 7 : 61)
    refuses(&image, n, n == 0 ? "is empty" : n < 8 ? "no packed data set" : "cut short");
  image_free(&image);
}

Test(pack, longer_than_it_says) {
  image_t image = image_make();
  FILE *file = fopen(image.path, "ab");
  fputc('x', file);
  fclose(file);
  expect_refusal(image.path, "sizes do not fit");
  image_free(&image);
}

static void spoil_every_byte(const char *rows, size_t head_bytes) {
  image_t image = image_of(rows);
  for (size_t i = 0; i < image.n; i++) {
    if (i >= head_bytes && i < PLT_PACK_HEAD) continue; /* the rest of the page says nothing */
    image.bytes[i] ^= 0x10;
    const char *word = i < 8                ? "no packed data set"
                       : i >= 12 && i < 16  ? "pack it again"
                       : i >= 16 && i < 24  ? "small.pack"
                       : i >= PLT_PACK_HEAD ? "arrays have another checksum"
                                            : "head has another checksum";
    refuses(&image, image.n, word);
  }
  image_free(&image);
}

Test(pack, every_byte_counts) {
  spoil_every_byte(SMALL, offsetof(plt_pack_head_t, shift));
  spoil_every_byte(shifted[0], sizeof(plt_pack_head_t));
}

/* What older programs left there means nothing. */
Test(pack, a_plain_head_ends_early) {
  image_t image = image_make();
  cr_expect_eq(head_of(&image)->version, 1);
  memset(image.bytes + offsetof(plt_pack_head_t, shift), 0xFF, PLT_PACK_HEAD - offsetof(plt_pack_head_t, shift));
  FILE *file = fopen(image.path, "wb");
  fwrite(image.bytes, 1, image.n, file);
  fclose(file);
  plt_dataset_t *data = open_ok(image.folder.path, NULL);
  cr_expect_eq(data->part[PLT_PART_SHIFT].n, 0);
  cr_expect_null(data->environment);
  plt_dataset_destroy(&data);
  image_free(&image);
}

Test(pack, of_another_version_or_machine) {
  image_t image = image_make();
  head_of(&image)->version = PLT_PACK_VERSION + 1;
  refuses(&image, image.n, "version 3 of the format, this plateau reads 1 to 2");
  head_of(&image)->version = 0;
  refuses(&image, image.n, "version 0 of the format");
  head_of(&image)->order = __builtin_bswap32(PLT_PACK_ORDER);
  refuses(&image, image.n, "other byte order");
  image_free(&image);
}

#define SEALED(change, word)                           \
  do {                                                 \
    plt_pack_head_t *head = head_of(&image);           \
    plt_pack_layout_t layout = plt_pack_lay_out(head); \
    (void)layout;                                      \
    change;                                            \
    seal(&image);                                      \
    refuses(&image, image.n, word);                    \
  } while (0)

/* Heads whose checksum fits and whose numbers do not. */
Test(pack, sizes_that_lie) {
  image_t image = image_of(shifted[0]);
  uint64_t huge[] = {UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 62, UINT64_C(1) << 32, UINT32_MAX, 1000};
  for (size_t i = 0; i < sizeof huge / sizeof *huge; i++) {
    SEALED(head->users = huge[i], "sizes do not fit");
    SEALED(head->items = huge[i], "sizes do not fit");
    SEALED(head->train_items = huge[i], "sizes do not fit");
    SEALED(head->edges = huge[i], "sizes do not fit");
    SEALED(head->duplicates = huge[i], "sizes do not fit");
    for (size_t p = 0; p < PLT_PART_SHIFT; p++) SEALED(head->pairs[p] = huge[i], "sizes do not fit");
    SEALED(head->shift = huge[i], "sizes do not fit");
    if (huge[i] != 1000) SEALED(head->environments = huge[i], "sizes do not fit");
  }
  SEALED(head->users = 0, "sizes do not fit");
  SEALED(head->items = 0, "sizes do not fit");
  SEALED(head->pairs[PLT_PART_TRAIN] = 0, "sizes do not fit");
  SEALED(head->train_items = 0, "sizes do not fit");
  SEALED(head->shift = 0, "sizes do not fit");
  SEALED(head->environments = 0, "sizes do not fit");
  SEALED(head->environments = 1, "points outside");
  SEALED(head->bytes -= 64, "sizes do not fit");
  SEALED(memset(head->text[0].name, 'a', PLT_PACK_NAME), "name of its text");
  SEALED(strcpy(head->text[1].name, "../small.pack"), "name of its text");
  SEALED(memset(head->text[0].hash, 'a', sizeof head->text[0].hash), "name of its text");
  image_free(&image);
}

static void set_last(image_t *image, uint64_t at, uint64_t bytes, bool is_offset) {
  uint64_t far64 = UINT64_MAX;
  uint32_t far32 = 5; /* items; more than users */
  uint16_t far16 = 3; /* environments */
  if (is_offset)
    memcpy(image->bytes + at + (bytes > 16 ? 8 : 0), &far64, sizeof far64);
  else if (bytes % sizeof far32 != 0)
    memcpy(image->bytes + at + bytes - sizeof far16, &far16, sizeof far16);
  else
    memcpy(image->bytes + at + bytes - sizeof far32, &far32, sizeof far32);
}

/* Arrays whose checksum fits and that point outside. */
Test(pack, ids_and_offsets_that_point_outside) {
  image_t image = image_of(shifted[0]);
  for (size_t a = 0; a < PLT_PACK_ARRAYS; a++) {
    bool is_edge = a >= PLT_PACK_EDGES && a < PLT_PACK_SHIFT_OFFSET;
    bool is_offset = (a >= PLT_PACK_OFFSET && a < PLT_PACK_ITEM) || a == PLT_PACK_SHIFT_OFFSET ||
                     (is_edge && (a - PLT_PACK_EDGES) % 3 == 0);
    if (is_edge && (a - PLT_PACK_EDGES) % 3 == 2) continue; /* norms */
    SEALED(set_last(&image, layout.at[a], layout.bytes[a], is_offset), "points outside");
  }
  SEALED(memset(image.bytes + layout.at[PLT_PACK_PAIRS], 0xFF, 4), "points outside"); /* a user */
  SEALED(memset(image.bytes + layout.at[PLT_PACK_OFFSET], 1, 1), "points outside");   /* the first offset */
  image_free(&image);
}

Test(pack, cannot_be_written) {
  folder_t folder = packed_small();
  plt_dataset_t *data = open_ok(folder.path, NULL);
  uint64_t bytes;
  char gone[PLT_PATH_MAX];
  in_folder(&folder, "gone.inter", gone);
  plt_pack_origin_t none = {{NULL}}, missing = {{gone}};
  cr_expect_eq(plt_pack_write("/no/such/folder/x.pack", data, &data->edges, &none, &bytes), PLT_ERR_CREATE);
  cr_expect_eq(plt_pack_write(gone, data, &data->edges, &missing, &bytes), PLT_ERR_IO);
  cr_expect_not(plt_path_exists(gone));
  plt_dataset_destroy(&data);
  folder_remove(&folder);
}
