/* Macros that open a brace which another one closes, that are the head of a struct, or of a function whose name they paste. */
#define TEST_TABLE_BEGIN struct test tests[] = {
#define TEST_TABLE_END { 0, 0 } };
#define TEST_ENTRY(name) { #name, test_##name },
#define TEST_IMPL(name) int test_##name(void); int test_##name(void)
#define SERVICE(name) typedef struct Service_##name##_ Service_##name; struct Service_##name##_
#define BEGIN(x) if (x) {
#define END }

struct test { const char *name; int (*main)(void); };

TEST_IMPL(open) {
    return 1;
}

TEST_IMPL(close)
{
    return 2;
}

TEST_TABLE_BEGIN
    TEST_ENTRY(open)
#ifdef CLOSES
    TEST_ENTRY(close)
#endif
TEST_TABLE_END

SERVICE( Font )
{
    int (*load)(int);
    int (*drop)(int);
};

static int load_font(int x) { return x; }
static int drop_font(int x) { return -x; }
static const struct Service_Font_ font_service = { load_font, drop_font };

int run(int i) {
    BEGIN(i > 0)
        i--;
    END
    return tests[i].main(); // expect tests[i].main: test_close, test_open
}

int drop(const Service_Font *service) {
    return service->drop(1); // expect service->drop: drop_font
}
