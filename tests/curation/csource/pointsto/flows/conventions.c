/* Calling conventions and macros around parameter lists do not hide what a pointer is. */
#define CALLBACK __attribute__((cdecl))
#define P(list) list
typedef void (CALLBACK *handler)(void *, int);
typedef int (*reader) P((void *, int));
struct parser { handler on_text; reader read; };
static void text(void *p, int n) { }
static int from_file(void *p, int n) { return n; }
void set(struct parser *p, handler h, reader r) { p->on_text = h; p->read = r; }
void init(struct parser *p) { set(p, text, from_file); }
void feed(struct parser *p) { p->on_text(p, 1); } // expect p->on_text: text
int fill(struct parser *p) { return p->read(p, 1); } // expect p->read: from_file
