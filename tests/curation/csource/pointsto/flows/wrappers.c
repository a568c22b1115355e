/* A callback goes through three wrappers into a field. */
struct timer { void (*fire)(void *); void *arg; };
static void blink(void *arg) { }
static void beep(void *arg) { }
static void unrelated(void *arg) { }
static void set(struct timer *t, void (*fn)(void *), void *arg) { t->fire = fn; t->arg = arg; }
static void arm(struct timer *t, void (*fn)(void *)) { set(t, fn, t); }
void timer_setup(struct timer *t, void (*fn)(void *)) { arm(t, fn); }
void start(struct timer *a, struct timer *b) { timer_setup(a, blink); timer_setup(b, beep); }
void run(struct timer *t) { t->fire(t->arg); } // expect t->fire: beep, blink
void (*kept)(void *) = unrelated;
