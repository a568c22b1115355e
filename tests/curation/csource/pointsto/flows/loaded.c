/* Functions that are looked up by name, and parameters that a macro hides. */
static int (*first)(int), (*second)(int);
static void *library;
int plugin_one(int x) { return x; }
int plugin_two(int x) { return x + 1; }
void load(void) {
    first = (int (*)(int))dlsym(library, "plugin_one");
    *(void **)(&second) = dlsym(library, "plugin_two");
}
int run(void) { return first(1) + 0; } // expect first: plugin_one
int run_more(void) { return second(2); } // expect second: plugin_two

#define SEND_ARGS int channel, const char *text
struct protocol { const char *name; int (*send)(SEND_ARGS); };
static int send_plain(int channel, const char *text) { return channel; }
static int send_coded(SEND_ARGS) { return channel; }
static struct protocol protocols[] = { { "plain", send_plain }, { "coded", send_coded } };
int send_all(int i) { return protocols[i].send(1, "x"); } // expect send: send_coded, send_plain
