/* predict.c - see predict.h. */
#include "launch/sizing/predict.h"

#include <math.h>

#include "proto/tree.h"

const char *const plt_limit_names[] = {"compute", "messages of workers", "servers", "network", "cores"};

static double most(double a, double b) { return a > b ? a : b; }

/* a + (b - a) part, of each field. */
static plt_worker_load_t between(const plt_worker_load_t *a, const plt_worker_load_t *b, double part) {
  return (plt_worker_load_t){.leaves = a->leaves + (b->leaves - a->leaves) * part,
                             .sample_s = a->sample_s + (b->sample_s - a->sample_s) * part,
                             .compute_s = a->compute_s + (b->compute_s - a->compute_s) * part,
                             .pull_rows = a->pull_rows + (b->pull_rows - a->pull_rows) * part,
                             .pull_floats = a->pull_floats + (b->pull_floats - a->pull_floats) * part,
                             .push_rows = a->push_rows + (b->push_rows - a->push_rows) * part,
                             .push_floats = a->push_floats + (b->push_floats - a->push_floats) * part};
}

/* Of a worker with so many leaves: between two that were measured, or in proportion to the nearest. */
static plt_worker_load_t share_of(const plt_calibration_t *c, double leaves) {
  static const plt_worker_load_t nothing;
  size_t i = 0;
  while (i < c->n && c->share[i].leaves > leaves) i++;
  if (i == 0) return between(&nothing, &c->share[0], leaves / c->share[0].leaves);
  if (i == c->n) return between(&nothing, &c->share[i - 1], leaves / c->share[i - 1].leaves);
  const plt_worker_load_t *large = &c->share[i - 1], *small = &c->share[i];
  return between(small, large, (leaves - small->leaves) / (large->leaves - small->leaves));
}

/* What workers have together, and the one that has most. */
typedef struct load {
  plt_worker_load_t sum, largest;
  double stepped; /* floats of distinct rows */
} load_t;

static load_t load_of(const plt_calibration_t *c, const plt_layout_t *l) {
  load_t load = {0};
  uint32_t leaves = (uint32_t)(c->leaves * l->times), first, end, before = UINT32_MAX;
  plt_worker_load_t share = {0};
  for (uint32_t w = 0; w < l->workers; w++) {
    plt_tree_share(w, l->workers, leaves, leaves, &first, &end);
    if (end - first != before) share = share_of(c, end - first);
    before = end - first;
    if (share.leaves >= load.largest.leaves) load.largest = share;
    load.sum = (plt_worker_load_t){.leaves = load.sum.leaves + share.leaves,
                                   .pull_rows = load.sum.pull_rows + share.pull_rows,
                                   .pull_floats = load.sum.pull_floats + share.pull_floats,
                                   .push_rows = load.sum.push_rows + share.push_rows,
                                   .push_floats = load.sum.push_floats + share.push_floats};
  }
  /* As if rows were drawn alike: of `times` batches as many are distinct as tables leave room for. */
  double room = c->trained_floats * c->exchanges, one = c->share[0].push_floats;
  load.stepped = room > one ? room * (1 - pow(1 - one / room, l->times)) : one;
  return load;
}

/* A step's work of a worker and of a server, by itself. */
typedef struct roles {
  double compute_s, sample_s, worker_s, server_s;
  double out_bytes, in_bytes; /* of the worker that has most */
} roles_t;

static roles_t roles_of(const plt_calibration_t *c, const plt_layout_t *l, const load_t *load) {
  const plt_worker_load_t *own = &load->largest, *sum = &load->sum;
  double servers = l->servers;
  roles_t roles = {.compute_s = own->compute_s, .sample_s = own->sample_s};
  roles.worker_s = c->exchanges * servers * c->idle_worker_s + own->push_floats * c->push_worker_s +
                   own->pull_floats * c->pull_worker_s;
  roles.server_s =
      c->exchanges * (c->idle_s - c->idle_worker_s + (l->workers - 1.0) * c->idle_worker_s) +
      (sum->push_floats * c->push_server_s + load->stepped * c->step_s + sum->pull_floats * c->pull_server_s) / servers;
  roles.out_bytes = c->exchanges * servers * c->idle_out_bytes + c->key_bytes * (own->push_rows + own->pull_rows) +
                    c->value_bytes * own->push_floats;
  roles.in_bytes = c->exchanges * servers * c->idle_in_bytes + c->value_bytes * own->pull_floats;
  return roles;
}

/* Of n things in a row over the nodes, how many the i-th has. */
static double part_of(double n, uint32_t i, uint32_t nodes) {
  return floor(n * (i + 1.0) / nodes) - floor(n * i / nodes);
}

static void visit_node(const plt_layout_t *l, const roles_t *roles, uint32_t i, plt_prediction_t *p, double bytes[2]) {
  double servers = part_of(l->servers, i, l->nodes), cores = l->cores;
  double workers = most(part_of((double)l->workers + l->servers, i, l->nodes) - servers, 0);
  double others = l->workers - workers, here = servers / l->servers; /* servers' share that lies here */
  double sampling = roles->sample_s * most(1, workers / cores);
  if (workers > 0) {
    p->compute_s = most(p->compute_s, roles->compute_s * most(1, workers * l->threads / cores));
    p->worker_s = most(p->worker_s, roles->worker_s * most(1, workers / cores));
    p->server_s = most(p->server_s, sampling);
  }
  if (servers > 0) p->server_s = most(p->server_s, roles->server_s * most(1, servers / cores));
  double work =
      workers * (roles->compute_s * l->threads + roles->worker_s + roles->sample_s) + servers * roles->server_s;
  p->cores_s = most(p->cores_s, work / cores);
  p->processor_s += work;
  /* there: pushes leave workers and come to servers; back: answers the other way */
  bytes[0] = most(bytes[0], roles->out_bytes * most(workers * (1 - here), others * here));
  bytes[1] = most(bytes[1], roles->in_bytes * most(workers * (1 - here), others * here));
}

plt_prediction_t plt_predict(const plt_calibration_t *c, const plt_layout_t *l) {
  plt_prediction_t p = {0};
  load_t load = load_of(c, l);
  roles_t roles = roles_of(c, l, &load);
  double bytes[2] = {0};
  for (uint32_t i = 0; i < l->nodes; i++) visit_node(l, &roles, i, &p, bytes);
  p.network_s = l->nodes > 1 ? 2 * c->exchanges * l->latency_s : 0;
  if (l->bytes_per_s > 0) p.network_s += (bytes[0] + bytes[1]) / l->bytes_per_s;
  double messages = c->exchanges * l->workers * l->servers;
  p.push_bytes = messages * c->idle_out_bytes + c->key_bytes * (load.sum.push_rows + load.sum.pull_rows) +
                 c->value_bytes * load.sum.push_floats;
  p.pull_bytes = messages * c->idle_in_bytes + c->value_bytes * load.sum.pull_floats;
  const double parts[] = {p.compute_s, p.worker_s, p.server_s, p.network_s};
  p.step_s = p.compute_s + p.worker_s + p.server_s + p.network_s;
  for (plt_limit_t k = PLT_LIMIT_COMPUTE; k < PLT_LIMIT_CORES; k++)
    if (parts[k] > parts[p.limit]) p.limit = k;
  if (p.cores_s > p.step_s) {
    p.step_s = p.cores_s;
    p.limit = PLT_LIMIT_CORES;
  }
  p.samples_per_s = c->samples * l->times / p.step_s;
  p.epoch_s = c->batches * p.step_s / l->times;
  return p;
}

void plt_predict_split(const plt_calibration_t *c, uint32_t ranks, plt_layout_t *layout) {
  plt_layout_t tried = *layout;
  double best = INFINITY;
  for (tried.servers = 1; tried.servers < ranks; tried.servers++) {
    tried.workers = ranks - tried.servers;
    double step_s = plt_predict(c, &tried).step_s;
    if (step_s < best) *layout = tried;
    if (step_s < best) best = step_s;
  }
}

static plt_layout_t with_servers(plt_layout_t layout, uint32_t servers) {
  layout.servers = servers;
  layout.nodes = (layout.workers + servers + layout.cores - 1) / layout.cores;
  return layout;
}

void plt_predict_servers(const plt_calibration_t *c, plt_layout_t *layout) {
  double best = INFINITY;
  for (uint32_t servers = 1; servers <= layout->workers; servers *= 2) {
    plt_layout_t tried = with_servers(*layout, servers);
    best = fmin(best, plt_predict(c, &tried).step_s);
  }
  for (uint32_t servers = 1; servers <= layout->workers; servers *= 2) {
    *layout = with_servers(*layout, servers);
    if (plt_predict(c, layout).step_s <= 1.02 * best) return;
  }
}
