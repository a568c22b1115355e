/* Elements of which conditional compilation takes one or the other stand at the same position. */
struct face { int (*kerning)(int); int (*attach)(int); int (*advances)(int); int (*size)(int); int (*done)(int); };

static int get_kerning(int x) { return x; }
static int read_metrics(int x) { return x; }
static int get_advances(int x) { return x; }
static int set_size(int x) { return x; }
static int fast_size(int x) { return x; }
static int slow_size(int x) { return x; }
static int done(int x) { return x; }

static const struct face face = {
#ifdef NO_METRICS
    0,
    0,
#else
    get_kerning,
    read_metrics,
#endif
    get_advances,
#if SIZE == 1
    set_size,
#elif SIZE == 2
# ifdef FAST
    fast_size,
# else
    slow_size,
# endif
#else
    0,
#endif
    done
};

static const struct face second = {
    0, 0, 0,
    0 |
#if SIZE
    fast_size,
#else
    0,
#endif
    done,
};

static const struct face *faces[] = { &face, &second };

int run(int i) {
    const struct face *f = faces[i];
    f->kerning(1); // expect f->kerning: get_kerning
    f->attach(1); // expect f->attach: read_metrics
    f->size(1); // expect f->size: fast_size, set_size, slow_size
    f->done(1); // expect f->done: done
    return f->advances(1); // expect f->advances: get_advances
}
