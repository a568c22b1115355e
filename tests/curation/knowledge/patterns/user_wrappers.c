/* Wrappers around the APIs: defined here, or nowhere in the corpus. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int open;
};

struct worker {
	pthread_t id;
	struct gate gate;
};

static void *run(void *arg)			// async: run execute
{
	return arg;
}

static void *other(void *arg)			// async: other execute
{
	return arg;
}

static pthread_cond_t idle = PTHREAD_COND_INITIALIZER;	// async: idle bind

static void gate_cond_wait(struct gate *g)
{
	while (!g->open)
		pthread_cond_wait(&g->cond, &g->lock);	// async: gate wait
}

static void gate_cond_signal(struct gate *g)
{
	pthread_cond_signal(&g->cond);		// async: gate trigger
}

void start(struct worker *w)
{
	mythread_create(&w->id, &run, w);	// async: run bind, run trigger
	pthread_create(&w->id + 1, NULL, w->gate.open ? run : other, w);	// async: run bind, run trigger, other bind, other trigger
	pthread_cond_init(&w->gate.cond, NULL);	// async: gate bind
	gate_cond_signal(&w->gate);		// async: gate trigger
	gate_cond_wait(&w->gate);		// async: gate wait
	mycond_wait(&idle, &w->gate.lock);	// async: idle wait
	mycond_broadcast(&idle);		// async: idle trigger
}

void stop(struct worker *w)
{
	mythread_join(w->id);			// async: run wait, other wait
}

struct child {
	pid_t pid;
};

void branch(void)
{
	pid_t pid = raw_clone(0, NULL);		// async: child bind, child trigger
	int tree = repository_clone(0, NULL);	// ok: nothing

	if (pid > 0)
		waitpid(pid, NULL, 0);		// async: child wait
	(void)tree;
}

static int wake_fd;

void open_wake(void)
{
	wake_fd = eventfd(0, 0);		// async: wake bind
}

void wake(void)
{
	uint64_t one = 1;

	write(wake_fd, &one, sizeof(one));	// async: wake trigger
}

void on_readable(struct lookup *found)
{
	uint64_t count;

	read(found->u.fd, &count, sizeof(count));	// async: wake wait
}

void take_signals(const sigset_t *mask)
{
	struct signalfd_siginfo info;
	int fd = signalfd(-1, mask, 0);		// async: signals bind

	read(fd, &info, sizeof(info));		// async: signals wait
}

int again(void)
{
	int res = fork();			// async: again bind, again trigger

	res = waitpid(res, NULL, 0);		// async: again wait
	return res;
}

static void checked_eventfd_write(int fd)
{
	eventfd_write(fd, 1);			// async: wake trigger
}

void wake_again(void)
{
	checked_eventfd_write(wake_fd);		// async: wake trigger
}
