/* A callback gets a callback. */
typedef void (*done_fn)(int);
static void finished(int a) { }
static void worker(done_fn done) { done(1); } // expect done: finished
static void run(void (*fn)(done_fn), done_fn done) { fn(done); } // expect fn: worker
void start(void) { run(worker, finished); }
