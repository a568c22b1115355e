/* A thread's function is called with what pthread_create() is given for it, here a function. */
typedef unsigned long pthread_t;
int pthread_create(pthread_t *, const void *, void *(*)(void *), void *);

static void *entry(void *real) {
    ((void (*)(void))real)(); // expect ((void (*)(void))real): reader, writer
    return 0;
}

static pthread_t begin(void (*run)(void)) {
    pthread_t made;
    pthread_create(&made, 0, entry, run);
    return made;
}

static void reader(void) {}
static void writer(void) {}
static void nobody(void) {}

int main(void) {
    begin(reader);
    begin(writer);
    nobody();
    return 0;
}
