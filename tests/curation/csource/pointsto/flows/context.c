/* A function and its context travel through void pointers and come back by a cast. */
struct job { int (*work)(int); };
typedef int (*work_fn)(int);
static int heavy(int a) { return a; }
static int light(int a) { return a; }
static void *slot;
void put(void *p) { slot = p; }
void *get(void) { return slot; }
void post(void) { put((void *)heavy); }
int take(void) { work_fn w = (work_fn)get(); return w(2); } // expect w: heavy
static struct job one = { light };
void submit(void *context) { struct job *j = context; j->work(3); } // expect j->work: light
void caller(void) { submit(&one); }
