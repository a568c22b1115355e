/* Callbacks given as variable arguments. */
#include <stdarg.h>
typedef void (*cb)(int);
static void yes(int a) { }
static void no(int a) { }
static cb current;
void setopt(int which, ...) { va_list ap; va_start(ap, which); current = va_arg(ap, cb); va_end(ap); }
void configure(int c) { setopt(1, c ? yes : no); }
void fire(void) { current(1); } // expect current: no, yes
