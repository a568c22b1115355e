/* Macros that stand for several arguments, read with va_arg; and an array of structs whose initializer has no inner braces. */
#include <stdarg.h>
typedef void (*loop_fn)(char *);
typedef int (*init_fn)(void);
enum { KIND_END, KIND_LOOP, KIND_INIT };
#define HELPER(tag, type) static inline type checked_##tag##type(type v) { return v; }
#define CHECKED(tag, type, v) checked_##tag##type(v)
HELPER(server_, loop_fn)
HELPER(server_, init_fn)
#define ON_LOOP(v) KIND_LOOP, CHECKED(server_, loop_fn, (v))
#define ON_INIT(v) KIND_INIT, CHECKED(server_, init_fn, (v))
static loop_fn loop;
static void server_main(int argc, ...) {
    va_list ap;
    int kind;
    init_fn init = 0;
    va_start(ap, argc);
    while ((kind = va_arg(ap, int)) != KIND_END)
        switch (kind) {
        case KIND_LOOP:
            loop = va_arg(ap, loop_fn);
            break;
        case KIND_INIT:
            init = va_arg(ap, init_fn);
            break;
        }
    va_end(ap);
    init(); // expect init: my_init
    loop("x"); // expect loop: my_loop
}
static void my_loop(char *name) { }
static int my_init(void) { return 0; }
int main(int argc, char **argv) { server_main(argc, ON_LOOP(my_loop), ON_INIT(my_init), KIND_END); return 0; }

struct lookup { const char *name; int (*find)(int); };
static int find_a(int x) { return x; }
static int find_b(int x) { return x; }
static const struct lookup lookups[] = { "a", find_a, "b", find_b, 0, };
int find(int x) {
    const struct lookup *at;
    for (at = lookups; at->name; at++)
        if (at->find(x)) // expect at->find: find_a, find_b
            return 1;
    return 0;
}
