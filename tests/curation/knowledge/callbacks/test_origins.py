"""From where a program comes to a function that it keeps in a pointer."""

from __future__ import annotations

from curation.csource import build_index
from curation.tasks.callback_timing import propose

SERVER = """#include <stdio.h>
struct command { const char *name; void (*run)(int); };
static void get(int client)
{
}
static struct command commands[] = { { "get", get } };
static void serve(int client)
{
	commands[client].run(client);
}
static int await(int fd)
{
	struct epoll_event e[8];
	return epoll_wait(fd, e, 8, -1);
}
int main(void)
{
	%s
}
"""


def told(text: str) -> dict[str | None, tuple[str | None, bool | None]]:
    return {p.function: (p.answer["context"], p.answer["may_sleep"]) for p in propose(build_index([("a.c", text)]))}


def test_a_command_in_a_table_runs_on_the_loop_that_alone_leads_to_it() -> None:
    assert told(SERVER % "for (;;) {\n\t\tserve(await(3));\n\t}")["get"] == ("eventloop", False)


def test_the_same_command_of_a_program_that_calls_it_before_its_loop_runs_in_its_caller() -> None:
    assert told(SERVER % "serve(1);\n\tfor (;;) {\n\t\tawait(3);\n\t}")["get"] == ("sync", True)


def test_a_loop_that_polls_for_one_thing_is_no_event_loop() -> None:
    one = SERVER.replace("struct epoll_event e[8];", "struct pollfd e;").replace("epoll_wait(fd, e, 8, -1)", "poll(&e, 1, -1)")
    assert told(one % "for (;;) {\n\t\tserve(await(3));\n\t}")["get"] == ("sync", True)


POOL = """#include <pthread.h>
struct job { void (*run)(void *); void *data; };
static struct job queue[8];
static void *body(void *arg)
{
	for (;;) {
		pthread_cond_wait(&ready, &lock);
		queue[0].run(queue[0].data);
	}
}
void begin(pthread_t *t)
{
	%s
		pthread_create(t, 0, body, 0);
}
static void work(void *data)
{
}
void submit(void)
{
	queue[0].run = work;
}
"""


def test_what_several_threads_take_off_a_queue_runs_on_a_pool_and_their_body_in_a_thread() -> None:
    found = told(POOL % "for (int i = 0; i < 4; i++)")
    assert (found["work"], found["body"]) == (("threadpool", True), ("thread", True))


def test_what_one_thread_takes_off_a_queue_runs_in_that_thread() -> None:
    assert told(POOL % "if (t)")["work"] == ("thread", True)


def test_a_comparison_runs_in_its_caller_though_only_the_loop_leads_to_it() -> None:
    text = SERVER.replace("void (*run)(int)", "int (*cmp)(const void *, const void *)").replace(
        "static void get(int client)", "static int get(const void *a, const void *b)"
    )
    text = text.replace("commands[client].run(client)", "commands[client].cmp(0, 0)")
    assert told(text % "for (;;) {\n\t\tserve(await(3));\n\t}")["get"] == ("sync", True)


STARTED = """#include <pthread.h>
static void *entry(void *real)
{
	((void (*)(void))real)();
	return 0;
}
static pthread_t begin(void (*run)(void))
{
	pthread_t made;
	pthread_create(&made, 0, entry, run);
	return made;
}
struct job { void (*run)(void); };
static struct job queue[8];
static void work(void)
{
}
static void serve(void)
{
	for (;;) {
		pthread_cond_wait(&ready, &lock);
		queue[0].run();
	}
}
static void watch(void)
{
	for (;;)
		read_some(3);
}
int main(void)
{
	begin(watch);
	queue[0].run = work;
	%s
		begin(serve);
}
"""


def test_a_function_that_a_thread_calls_by_its_parameter_begins_there_and_is_a_pool_only_where_several_are_made_of_it() -> None:
    found = told(STARTED % "for (int i = 0; i < 4; i++)")
    assert (found["entry"], found["watch"], found["work"]) == (("thread", True), ("thread", True), ("threadpool", True))
    assert told(STARTED % "if (1)")["work"] == ("thread", True)


WRAPPED = """#include <pthread.h>
#define my_create(t, f, d) pthread_create((t), NULL, (f), (d))
#ifdef _WIN32
int my_create(int *t, void *(*f)(void *), void *d)
{
	return 0;
}
#endif
static void *go(void *d)
{
	return d;
}
int begin(pthread_t *t)
{
	return my_create(t, go, 0);
}
"""


def test_a_macro_for_a_row_s_function_is_followed_where_a_function_of_another_system_has_its_name() -> None:
    assert told(WRAPPED)["go"] == ("thread", True)


def test_of_two_files_of_one_name_the_nearest_tells_whether_a_file_is_of_the_kernel() -> None:
    pool = WRAPPED.replace("#include <pthread.h>", '#include "deps.h"')
    headers = [("lib/deps.h", "#include <stdlib.h>\n"), ("linux/deps.h", "#include <linux/types.h>\n")]
    [found] = propose(build_index([("lib/pool.c", pool), *headers]))
    assert found.answer["context"] == "thread"
