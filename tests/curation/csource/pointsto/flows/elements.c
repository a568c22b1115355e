/* Elements of a table are told apart by constant index, by designator and by enum constant. */
enum { KIND_A, KIND_B };
static int fa(int x) { return x; }
static int fb(int x) { return x; }
static int (*table[])(int) = { [KIND_A] = fa, [KIND_B] = fb };
static int (*pair[2])(int) = { fa, fb };
struct scanner { int (*steps[2])(int); };
static struct scanner s = { { fa, fb } };
int second(void) { return pair[1](0); } // expect pair[1]: fb
int any_of(int i) { return pair[i](0); } // expect pair[i]: fa, fb
int first(struct scanner *p) { return p->steps[0](0); } // expect p->steps[0]: fa
void change(int (*fn)(int)) { table[KIND_A] = fn; }
int all(int i) { return table[i](0); } // expect table[i]: fa, fb
