/* A function does not come out of a pointer to a struct, though everything goes through one void pointer. */
struct thing { int n; };
static int callback(int a) { return a; }
static void *hub(void *p) { return p; }
static int apply(struct thing *t, int (*fn)(int)) { return fn(t->n); } // expect fn: callback
void mix(struct thing *t) { struct thing *u = hub(t); hub((void *)callback); apply(u, callback); }
static int other(int a) { return a; }
static int (*spare)(int) = other;
int use(void) { return spare(1); } // expect spare: other
