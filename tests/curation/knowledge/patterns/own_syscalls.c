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

long other(void)
{
	return syscall(SYS_gettid);				// ok: nothing
}
