/* Functions that return ops and functions, through a call of a call. */
struct ops { int (*get)(int); };
static int fast(int a) { return a; }
static int slow(int a) { return a; }
static struct ops fast_ops = { fast };
static struct ops slow_ops = { slow };
static struct ops *pick(int c) { return c ? &fast_ops : &slow_ops; }
static int (*choose(int c))(int) { return c ? fast : slow; }
int a(int c) { return pick(c)->get(1); } // expect pick(c)->get: fast, slow
int b(int c) { return choose(c)(1); } // expect choose(c): fast, slow
