/* A function comes back through a pointer to a pointer, also one that was put into a field. */
typedef int (*fn)(int);
static int alpha(int a) { return a; }
static int beta(int a) { return a; }
struct option { void *value; fn choice; };
static void choose(fn *out) { *out = alpha; }
static void parse(struct option *o) { fn *out = o->value; *out = o->choice; }
int direct(void) { fn p; choose(&p); return p(1); } // expect p: alpha
int through_field(void) { fn q = 0; struct option o = { &q, beta }; parse(&o); return q(1); } // expect q: beta
