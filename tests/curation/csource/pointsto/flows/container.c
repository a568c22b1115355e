/* The object around a member, found by container_of, has the functions put into it. */
#define container_of(p, t, m) ((t *)((char *)(p) - __builtin_offsetof(t, m)))
struct node { struct node *next; };
struct watcher { struct node list; void (*notify)(int); };
static void on_change(int a) { }
static void (*elsewhere)(int);
static void off(int a) { }
void add(struct watcher *w) { w->notify = on_change; }
void all(struct node *n) { for (; n; n = n->next) container_of(n, struct watcher, list)->notify(1); } // expect container_of(n, struct watcher, list)->notify: on_change
void quiet(void) { elsewhere = off; }
