/* Copies of ops structures, whole and by memcpy, keep their functions. */
struct ops { int (*open)(int); int (*close)(int); };
struct dev { struct ops ops; };
static int std_open(int a) { return a; }
static int std_close(int a) { return a; }
static int my_open(int a) { return a; }
static const struct ops std_ops = { .open = std_open, .close = std_close };
void by_assignment(struct dev *d) { d->ops = std_ops; d->ops.open = my_open; }
void by_memcpy(struct dev *d) { memcpy(&d->ops, &std_ops, sizeof(std_ops)); }
void by_star(struct ops *dst, const struct ops *src) { *dst = *src; }
int go(struct dev *d) { return d->ops.open(1); } // expect d->ops.open: my_open, std_open
int stop(struct dev *d) { return d->ops.close(1); } // expect d->ops.close: std_close
