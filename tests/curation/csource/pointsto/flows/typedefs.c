/* A macro that calls a variable whose type does not look like a function's. */
typedef int (*after_step)(int);
static after_step post_step;
#define JUMP(x) do { if (post_step) post_step(x); pc = (x); } while (0)
static int watch(int x) { return x; }
void set(void) { post_step = watch; }
int run(int x) {
    int pc = 0;
    JUMP(x); // expect post_step: watch
    return pc;
}
