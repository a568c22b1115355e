/* A macro with two definitions that uses another with three: each combination can be the one that is compiled. */
struct locking { int (*lock)(int); };
static struct locking fns;
#ifdef NO_THREADS
#define HOLD(b) ((void)0)
#else
#define HOLD(b) do { int kept = (b); LOCK(kept); } while (0)
#endif
#ifdef HOOKS
#define LOCK(x) do { if (x) fns.lock(x); } while (0)
#elif defined(DIRECT)
#define LOCK(x) lock_now(x)
#else
#define LOCK(x) ((void)0)
#endif
static int take(int x) { return x; }
void set(void) { fns.lock = take; }
void work(int b) {
    HOLD(b); // expect fns.lock: take
}
