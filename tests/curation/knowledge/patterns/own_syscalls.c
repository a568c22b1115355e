/* A program that makes the system calls itself, where its C library has no function for them. */
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ring {
	int fd;
};

static int io_uring_setup(unsigned entries, void *params)
{
	return (int)syscall(__NR_io_uring_setup, entries, params);	// async: ring bind
}

static int __sys_io_uring_enter(int fd, unsigned submit)
{
	return syscall(__NR_io_uring_enter, fd, submit, 1, 0);	// async: ring trigger, ring wait
}

int ring_open(struct ring *ring)
{
	ring->fd = io_uring_setup(8, NULL);			// async: ring bind
	return ring->fd < 0 ? -1 : 0;
}

int ring_submit(struct ring *ring)
{
	return __sys_io_uring_enter(ring->fd, 1);		// async: ring trigger, ring wait
}

int open_event(void)
{
	return syscall(SYS_eventfd2, 0, 0);			// async: event bind
}

static int my_signalfd(int fd, const void *mask)
{
	return syscall(__NR_signalfd, fd, mask, 8);		// async: signals bind
}

static int signals_fd;

void signals(const void *mask)
{
	signals_fd = my_signalfd(-1, mask);			// async: signals bind
}

void on_signals(int fd)
{
	struct signalfd_siginfo info[16];

	read(fd, (char *)info, sizeof(info));			// async: signals wait
}

long other(void)
{
	return syscall(SYS_gettid);				// ok: nothing
}
