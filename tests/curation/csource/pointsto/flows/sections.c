/* What a linker puts behind each other: variables of one section, and an array that nobody defines. The macros nest fourteen deep, and
 * two of them have two definitions each. */
typedef int (*start_t)(void);
#ifdef RELATIVE
typedef int entry_t;
static inline start_t from_entry(entry_t *entry) { return (start_t)((long)entry + *entry); }
#define PLACE(fn, name) __asm__(".long " #fn " - .\n");
#else
typedef start_t entry_t;
static inline start_t from_entry(entry_t *entry) { return *entry; }
#define PLACE(fn, name) static start_t name __attribute__((used, section(".starts"))) = fn;
#endif
extern entry_t __starts_begin[], __starts_end[];
#define D1(fn) PLACE(fn, __start_##fn)
#define D2(fn) D1(fn)
#define D3(fn) D2(fn)
#define D4(fn) D3(fn)
#define D5(fn) D4(fn)
#define D6(fn) D5(fn)
#define D7(fn) D6(fn)
#define D8(fn) D7(fn)
#define D9(fn) D8(fn)
#define D10(fn) D9(fn)
#define D11(fn) D10(fn)
#define D12(fn) D11(fn)
#ifndef MODULE
#define start_by(fn) D12(fn)
#else
#define start_by(fn) int start_module(void) { return fn(); }
#endif
static int disk_start(void) { return 0; }
start_by(disk_start)
static int net_start(void) { return 0; }
start_by(net_start)
static int spare(void) { return 1; }
static start_t chosen = spare;
int choose(void) { return chosen(); } // expect chosen: spare
void run_all(void) {
    for (entry_t *entry = __starts_begin; entry < __starts_end; entry++) {
        start_t fn = from_entry(entry);
        fn(); // expect fn: disk_start, net_start
    }
}
