/* Values that macros make in braces, a type that a macro makes, and a macro that stands for nothing where a feature is off. */
#define typeof_member(T, m) typeof(((T *)0)->m)
#define ATTRIBUTE(_name, _show) { .attr = { .name = #_name, .mode = 0 }, .show = _show }
#define ATTRIBUTE_RO(_name) ATTRIBUTE(_name, _name##_show)
#define PAIR(x, y) ((struct pair) { x, y })
#ifdef HAVE_PROC
int add_single_data(const char *name, int (*show)(int), void *data);
#define add_single(name, show) add_single_data(name, show, NULL)
#else
#define add_single(name, show) ({NULL;})
#define add_single_data(name, show, data) ({NULL;})
#endif

struct base { const char *name; int mode; };
struct attribute { struct base attr; int (*show)(int); };
struct pair { int (*first)(int); int (*second)(int); };

static int force_show(int x) { return x; }
static int speed_read(int x) { return x; }
static struct attribute force_attribute = ATTRIBUTE_RO(force);
static struct attribute speed_attribute = ATTRIBUTE(speed, speed_read);

int show(struct attribute *a) {
    typeof_member(struct attribute, show) call;

    call = a->show;
    return call(1) + a->show(2); // expect call: force_show, speed_read
}

static int one(int x) { return x; }
static int two(int x) { return x; }

int both(struct pair *p) {
    *p = PAIR(one, two);
    return p->second(1); // expect p->second: two
}

static int (*single)(int);
int add_single_data(const char *name, int (*show)(int), void *data) {
    single = show;
    return 0;
}
static int version_show(int x) { return x; }
void begin(void) { add_single("version", version_show); }
int tell(void) {
    return single(3); // expect single: version_show
}

int give(struct pair p) {
    return p.first(1); // expect p.first: one, three
}
static int three(int x) { return x; }
int pass(void) { return give(PAIR(three, two)); }
