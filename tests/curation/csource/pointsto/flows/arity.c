/* What takes more parameters than the call gives is not called, and gets none of its arguments. */
typedef void *any;
static void one(any a) { }
static void two(void (*done)(int), any a) { done(1); } // expect done: finish
static void finish(int a) { }
static void never(int a) { }
struct item { any fn; };
static struct item items[] = { { (any)one }, { (any)two } };
void each(int i) { ((void (*)(any))items[i].fn)(never); } // expect ((void (*)(any))items[i].fn): one
void both(void) { two(finish, 0); }
