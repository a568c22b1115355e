/* A head that stands in a macro's parentheses, and casts to types in capitals, which are no calling conventions. */
typedef int (*less_fn)(int, int);
struct pool { void *(*take)(struct pool *, int); };
typedef long JLONG;

EXPORTED(int insert(int a, int b,
                    less_fn less)) {
    while (a != 0 && less(a, b)) // expect less: smaller
        a--;
    return a;
}

static int smaller(int a, int b) { return a < b; }
int use(void) { return insert(1, 2, smaller); }

static void *take_small(struct pool *p, int n) { return p + n; }
static struct pool small = { take_small };

long *table(void) {
    struct pool *p = &small;
    long *kept = (JLONG *)
        (*p->take) ((struct pool *)p, (int)sizeof(JLONG)); // expect (*p->take): take_small
    return kept ? kept : (JLONG *)(*p->take)(p, 1); // expect (*p->take): take_small
}

struct methods {
    int (*copy)(int); \
    void (*drop)(int);
};
static int copy_it(int x) { return x; }
static void drop_it(int x) {}
static const struct methods methods = { copy_it, drop_it };

int constant(const struct methods *m, void **kept) {
    int (* const copy)(int) =
        (int (*)(int))(unsigned long)(m->copy);
    m->drop(2); // expect m->drop: drop_it
    return (copy)(1); // expect (copy): copy_it
}
