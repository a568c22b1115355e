// A user-space program whose asynchronous objects are reached in many ways. Not meant to be compiled.
#include <signal.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <aio.h>
#include <liburing.h>
#include <libaio.h>
#include <uv.h>
#include <event.h>
#include <glib.h>

struct watch {
	int fd;
	void (*call)(struct watch *watch);
};

struct server {
	int epfd;
	int bell;
	int clock;
	pthread_t worker;
	pthread_cond_t filled;
	struct event ev;
};

static int wake[2];
static pthread_t helper;

static void on_hangup(int signo) // async: hangup execute
{
	write(wake[1], "x", 1); // async: selfpipe trigger
}

static void on_alarm(int signo) // async: alarm execute
{
}

static void install(int signo, void (*handler)(int))
{
	struct sigaction action = { 0 };

	action.sa_handler = handler; // async: hangup bind, alarm bind
	sigaction(signo, &action, NULL); // async: hangup bind, alarm bind
}

static void *serve(void *data) // async: worker execute
{
	struct server *s = data;

	pthread_cond_wait(&s->filled, &s->lock); // async: filled wait
	return NULL;
}

static void *help(void *data) // async: helper execute
{
	return NULL;
}

static void start(pthread_t *thread, void *(*run)(void *), void *data)
{
	pthread_create(thread, NULL, run, data); // async: worker bind, worker trigger, helper bind, helper trigger
}

static int make_clock(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0); // async: clock bind

	return fd;
}

static void arm(int fd)
{
	timerfd_settime(fd, 0, &soon, NULL); // async: clock trigger
}

static void loop(struct server *s)
{
	struct epoll_event events[8];
	uint64_t count;
	char byte;
	int n = epoll_wait(s->epfd, events, 8, -1); // async: epoll wait

	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;

		w->call(w); // async: epoll execute
	}
	read(s->clock, &count, sizeof count); // async: clock wait
	read(s->bell, &count, sizeof count); // async: bell wait
	read(wake[0], &byte, 1); // async: selfpipe wait
}

static void run_child(void)
{
	int status;
	pid_t pid = fork(); // async: fork bind, fork trigger

	if (pid == 0)
		execlp("true", "true", NULL); // async: fork execute
	waitpid(pid, &status, 0); // async: fork wait
}

static void on_done(union sigval value) // async: aio execute
{
}

static void read_file(struct aiocb *request)
{
	request->aio_sigevent.sigev_notify_function = on_done; // async: aio bind
	aio_read(request); // async: aio bind, aio trigger
	aio_suspend(&request, 1, NULL); // async: aio wait
}

static void submit(struct io_uring *ring)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

	io_uring_prep_nop(sqe); // async: uring bind
	io_uring_submit(ring); // async: uring trigger
}

static void use_ring(void)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;

	io_uring_queue_init(8, &ring, 0); // async: uring bind
	submit(&ring);
	io_uring_wait_cqe(&ring, &cqe); // async: uring wait
}

static void on_tick(uv_timer_t *timer) // async: uvtimer execute
{
}

static void give_room(uv_handle_t *handle, size_t size, uv_buf_t *buffer) // async: uvread execute
{
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) // async: uvread execute
{
}

static void use_uv(uv_loop_t *loop, uv_stream_t *stream)
{
	static uv_timer_t timer;

	uv_timer_init(loop, &timer); // async: uvtimer bind
	uv_timer_start(&timer, on_tick, 10, 0); // async: uvtimer bind, uvtimer trigger
	uv_read_start(stream, give_room, on_read); // async: uvread bind, uvread trigger
	uv_run(loop, UV_RUN_DEFAULT); // async: uvtimer wait, uvread wait
}

static void on_event(int fd, short what, void *data) // async: event execute
{
}

static gboolean on_idle(gpointer data) // async: idle execute
{
	return FALSE;
}

int main(void)
{
	struct server s;

	install(SIGHUP, on_hangup); // async: hangup bind
	install(SIGALRM, on_alarm); // async: alarm bind
	signal(SIGPIPE, SIG_IGN); // ok: nothing
	alarm(1); // async: alarm trigger
	pipe(wake); // async: selfpipe bind
	s.epfd = epoll_create1(0); // async: epoll bind
	epoll_ctl(s.epfd, EPOLL_CTL_ADD, s.bell, &event); // async: epoll bind
	epoll_ctl(s.epfd, EPOLL_CTL_DEL, s.bell, NULL); // ok: nothing
	s.bell = eventfd(0, 0); // async: bell bind
	write(s.bell, &one, sizeof one); // async: bell trigger
	s.clock = make_clock();
	arm(s.clock);
	pthread_cond_init(&s.filled, NULL); // async: filled bind
	start(&s.worker, serve, &s); // async: worker bind, worker trigger
	start(&helper, help, NULL); // async: helper bind, helper trigger
	pthread_cond_signal(&s.filled); // async: filled trigger
	loop(&s);
	pthread_join(s.worker, NULL); // async: worker wait
	pthread_join(helper, NULL); // async: helper wait
	event_set(&s.ev, s.bell, EV_READ, on_event, &s); // async: event bind
	event_add(&s.ev, NULL); // async: event trigger
	event_dispatch(); // async: event wait
	g_idle_add(on_idle, NULL); // async: idle bind, idle trigger
	return 0;
}
