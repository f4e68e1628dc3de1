"""skipgram.py - word2vec (skip-gram with negative samples) on a made-up language, with numpy: docs/library.md.

usage: skipgram.py JOB-FILE WORKER [STEPS]      libplateau.so.0 is found as the system finds libraries (LD_LIBRARY_PATH)
Words of a sentence are of one topic: their vectors come to lie together. 4 leaves a step, samples by number: the last
line is the same for any number of servers and workers, and after any stop. Source: Mikolov et al., NeurIPS 2013."""
import ctypes as c
import sys
import zlib
import numpy as np

lib = c.CDLL("libplateau.so.0")
WORDS, TOPICS, DIM, LEAVES, PAIRS, NEGATIVES = 1000, 20, 16, 4, 128, 4
IN, OUT = 0, 1  # tables, in the order of their declarations

def struct(fields):  # of plateau.h: "type name type name ..."
    types = dict(u32=c.c_uint32, u64=c.c_uint64, size=c.c_size_t, f64=c.c_double, int=c.c_int, text=c.c_char_p,
                 at=c.c_void_p)
    words = fields.split()
    return type("Struct", (c.Structure,), {"_fields_": [(n, types[t]) for t, n in zip(words[::2], words[1::2])]})

Options = struct("text job_file text job_text u32 worker u32 workers f64 deadline_s int rejoin int bf16")
Info = struct("u32 worker u32 workers u32 servers u32 consistency u64 staleness u64 start u32 resumed")
Table = struct("text name u64 rows u32 dim u32 init f64 scale u64 seed text optimizer text settings "
               "f64 lr_scale int frozen")
Push = struct("u32 table u32 leaf at keys size n at values")
Pull = struct("u32 table at keys size n at values")
Loss = struct("u32 leaf f64 loss")
Step = struct("f64 lr at push size n_push at pull size n_pull at losses size n_losses")
job = c.c_void_p()

def call(name, *args):
    if getattr(lib, name)(*args) != 0:
        lib.plateau_error.restype = c.c_char_p
        why = lib.plateau_error()
        lib.plateau_abandon(c.byref(job), why)  # the other workers need not wait for this one
        sys.exit("skipgram: " + why.decode())

def pull_of(table, keys):
    rows = np.empty((len(keys), DIM), np.float32)
    return Pull(table, keys.ctypes.data, len(keys), rows.ctypes.data), rows

def samples(step, leaf):
    """Centres [PAIRS], and of each a context and NEGATIVES words of any topic [PAIRS, 1 + NEGATIVES]."""
    rng = np.random.Generator(np.random.Philox(key=step * LEAVES + leaf))
    topic = rng.integers(0, TOPICS, PAIRS)
    centre, context = (topic + TOPICS * rng.integers(0, WORDS // TOPICS, PAIRS) for _ in range(2))
    return centre, np.column_stack([context, rng.integers(0, WORDS, (PAIRS, NEGATIVES))])

def draw(step, mine):  # the samples of my leaves, and what has to be pulled for them
    drawn = [samples(step, leaf) for leaf in mine]
    keys = [np.unique(np.concatenate([d[i].ravel() for d in drawn])).astype(np.uint64) for i in (IN, OUT)]
    pulls, rows = zip(*(pull_of(table, keys[table]) for table in (IN, OUT)))
    return drawn, keys, (Pull * 2)(*pulls), rows

def gradients(drawn, keys, rows):
    """Of one leaf: its loss, and for each table its distinct words and their gradients, as parts of the step's mean."""
    centre, others = drawn
    u = rows[IN][np.searchsorted(keys[IN], centre.astype(np.uint64))]
    v = rows[OUT][np.searchsorted(keys[OUT], others.astype(np.uint64))]
    score = np.einsum("pd,pnd->pn", u, v)
    sign = np.where(np.arange(1 + NEGATIVES) == 0, -1, 1)  # the context is to score high
    d = (sign / (1 + np.exp(-sign * score)) / (PAIRS * LEAVES)).astype(np.float32)
    found = []
    g_in, g_out = np.einsum("pn,pnd->pd", d, v), (d[:, :, None] * u[:, None]).reshape(-1, DIM)
    for ids, g in ((centre, g_in), (others.ravel(), g_out)):
        words, place = np.unique(ids, return_inverse=True)
        total = np.zeros((len(words), DIM), np.float32)
        np.add.at(total, place.ravel(), g)
        found.append((words.astype(np.uint64), total))
    return float(np.log1p(np.exp(sign * score)).sum() / (PAIRS * LEAVES)), found

steps, info, loss = int(sys.argv[3]) if len(sys.argv) > 3 else 400, Info(), c.c_double()
call("plateau_connect", c.byref(Options(sys.argv[1].encode(), None, int(sys.argv[2]))), c.byref(job))
for name in (b"in", b"out"):
    call("plateau_declare", job, c.byref(Table(name, WORDS, DIM, 2, 0.1, 1, b"adagrad")), c.byref(c.c_uint32()))
lib.plateau_info(job, c.byref(info))
mine = range(LEAVES * info.worker // info.workers, LEAVES * (info.worker + 1) // info.workers)
drawn, keys, pulls, rows = draw(info.start, mine)
call("plateau_pull", job, pulls, c.c_size_t(2))
for t in range(info.start, steps):
    found = [gradients(leaf, keys, rows) for leaf in drawn]
    push = [Push(table, leaf, *(lambda k, g: (k.ctypes.data, len(k), g.ctypes.data))(*f[1][table]))
            for leaf, f in zip(mine, found) for table in (IN, OUT)]
    losses = (Loss * len(found))(*(Loss(leaf, f[0]) for leaf, f in zip(mine, found)))
    drawn, keys, pulls, rows = draw(t + 1, mine)
    step = Step(0.5, c.addressof(array := (Push * len(push))(*push)), len(push), c.addressof(pulls), 2,
                c.addressof(losses), len(found))
    call("plateau_step", job, c.byref(step), c.byref(loss))
    if (t + 1) % 100 == 0:
        call("plateau_checkpoint", job)
        print(f"worker {info.worker} step {t + 1} loss {loss.value:.4f}", file=sys.stderr)
words = np.arange(WORDS, dtype=np.uint64)
pull, vectors = pull_of(IN, words)
call("plateau_pull", job, c.byref(pull), c.c_size_t(1))
unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
nearest = np.argmax(unit @ unit.T - 2 * np.eye(WORDS), axis=1)
if info.worker == 0:
    print(f"neighbours of the same topic {np.mean(nearest % TOPICS == words % TOPICS):.3f} "
          f"tables {zlib.crc32(vectors):08x}")
call("plateau_close", c.byref(job))
