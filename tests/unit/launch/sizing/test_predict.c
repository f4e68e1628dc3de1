/* Predictions from a made-up calibration, beside figures worked out by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "launch/sizing/predict.h"

/* 4 leaves of 10 ms; each pushes and pulls 100 rows of 10 floats, half of them again in every second leaf. */
static const plt_calibration_t made = {.batches = 8,
                                       .samples = 400,
                                       .leaves = 4,
                                       .exchanges = 1,
                                       .trained_floats = 1e9,
                                       .idle_s = 3e-4,
                                       .idle_worker_s = 1e-4,
                                       .idle_out_bytes = 50,
                                       .idle_in_bytes = 20,
                                       .push_worker_s = 1e-7,
                                       .push_server_s = 2e-7,
                                       .step_s = 4e-7,
                                       .pull_worker_s = 5e-7,
                                       .pull_server_s = 3e-7,
                                       .key_bytes = 4,
                                       .value_bytes = 4,
                                       .n = 3,
                                       .share = {{4, 4e-3, 40e-3, 300, 3000, 300, 3000},
                                                 {2, 2e-3, 20e-3, 175, 1750, 175, 1750},
                                                 {1, 1e-3, 10e-3, 100, 1000, 100, 1000}}};

#define cr_near(a, b) \
  cr_assert_float_eq((a), (double)(b), 1e-9 * fabs((double)(b)), "%.12g is not %.12g", (double)(a), (double)(b))

Test(predict, one_machine_with_room) {
  plt_layout_t layout = {.workers = 2, .servers = 2, .nodes = 1, .cores = 8, .threads = 1, .times = 1};
  plt_prediction_t p = plt_predict(&made, &layout);
  cr_near(p.compute_s, 20e-3);
  cr_near(p.worker_s, 2 * 1e-4 + 1750 * (1e-7 + 5e-7));
  double server_s = 3e-4 - 1e-4 + 1e-4 + (3500 * 2e-7 + 3000 * 4e-7 + 3500 * 3e-7) / 2;
  cr_near(p.server_s, 2e-3); /* workers sample longer than servers work */
  cr_assert_lt(server_s, 2e-3);
  cr_assert_eq(p.network_s, 0);
  cr_near(p.step_s, p.compute_s + p.worker_s + p.server_s);
  cr_near(p.push_bytes, 4 * 50 + 4 * (350 + 350) + 4 * 3500);
  cr_near(p.pull_bytes, 4 * 20 + 4 * 3500);
  cr_near(p.samples_per_s, 400 / p.step_s);
  cr_near(p.epoch_s, 8 * p.step_s);
  cr_assert_eq(p.limit, PLT_LIMIT_COMPUTE);
}

Test(predict, fewer_cores_than_workers) {
  plt_layout_t layout = {.workers = 4, .servers = 1, .nodes = 1, .cores = 2, .threads = 1, .times = 1};
  plt_prediction_t p = plt_predict(&made, &layout);
  cr_near(p.compute_s, 2 * 10e-3); /* four at a time on two cores */
  double server_s = 3e-4 - 1e-4 + 3e-4 + 4000 * (2e-7 + 3e-7) + 3000 * 4e-7;
  double worker_s = 1e-4 + 1000 * (1e-7 + 5e-7);
  cr_near(p.cores_s, (4 * (10e-3 + worker_s + 1e-3) + server_s) / 2);
  cr_near(p.processor_s, 2 * p.cores_s);
  cr_assert_geq(p.step_s, p.cores_s);
}

/* Two hosts with a worker and a server each: half of all rows cross the cable. Then two workers and a server on three:
 * all do, and the server's cable has those of both. */
Test(predict, network) {
  plt_layout_t layout = {.workers = 2,
                         .servers = 2,
                         .nodes = 2,
                         .cores = 8,
                         .threads = 1,
                         .times = 1,
                         .latency_s = 1e-4,
                         .bytes_per_s = 1e6};
  plt_prediction_t p = plt_predict(&made, &layout);
  double out = 2 * 50 + 4 * 350 + 4 * 1750, in = 2 * 20 + 4 * 1750;
  cr_near(p.network_s, 2e-4 + 0.5 * (out + in) / 1e6);
  layout.servers = 1;
  layout.nodes = 3;
  p = plt_predict(&made, &layout);
  out = 50 + 4 * 350 + 4 * 1750;
  in = 20 + 4 * 1750;
  cr_near(p.network_s, 2e-4 + 2 * (out + in) / 1e6);
  layout.bytes_per_s = 1e4;
  cr_assert_eq(plt_predict(&made, &layout).limit, PLT_LIMIT_NETWORK);
}

/* More workers than leaves: those beyond have nothing to do. A batch that grows: all have as much as one alone. */
Test(predict, leaves) {
  plt_layout_t layout = {.workers = 8, .servers = 1, .nodes = 1, .cores = 64, .threads = 1, .times = 1};
  plt_prediction_t p = plt_predict(&made, &layout);
  cr_near(p.compute_s, 10e-3);
  cr_near(p.pull_bytes, 8 * 20 + 4 * 4000);
  layout.times = 8;
  p = plt_predict(&made, &layout);
  cr_near(p.compute_s, 40e-3);
  cr_near(p.pull_bytes, 8 * 20 + 4 * 8 * 3000);
  cr_near(p.samples_per_s, 8 * 400 / p.step_s);
  cr_near(p.epoch_s, p.step_s);
}

/* Three leaves lie halfway between two and four. */
Test(predict, uneven) {
  plt_calibration_t seven = made;
  seven.leaves = 7;
  plt_layout_t layout = {.workers = 2, .servers = 1, .nodes = 1, .cores = 64, .threads = 1, .times = 1};
  plt_prediction_t p = plt_predict(&seven, &layout);
  cr_near(p.compute_s, 40e-3);
  cr_near(p.pull_bytes, 2 * 20 + 4 * (3000 + (3000 + 1750) / 2.0));
}

Test(predict, best_split) {
  plt_layout_t best = {.nodes = 3, .cores = 2, .threads = 1, .times = 1, .bytes_per_s = 1e6};
  plt_predict_split(&made, 6, &best);
  cr_assert_eq(best.workers + best.servers, 6);
  double least = plt_predict(&made, &best).step_s;
  for (uint32_t s = 1; s < 6; s++) {
    plt_layout_t other = best;
    other.servers = s;
    other.workers = 6 - s;
    cr_assert_geq(plt_predict(&made, &other).step_s, least);
  }
}

Test(predict, as_few_servers_as_do) {
  plt_layout_t layout = {.workers = 64, .cores = 4, .threads = 1, .times = 64, .bytes_per_s = 1e9};
  plt_predict_servers(&made, &layout);
  double chosen = plt_predict(&made, &layout).step_s;
  for (uint32_t s = 1; s <= 64; s *= 2) {
    plt_layout_t other = layout;
    other.servers = s;
    other.nodes = (64 + s + 3) / 4;
    double step_s = plt_predict(&made, &other).step_s;
    cr_assert_geq(1.02 * step_s, chosen);
    if (s < layout.servers) cr_assert_gt(step_s, chosen);
  }
}
