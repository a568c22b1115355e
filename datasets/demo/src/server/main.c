/* The server's event loop: epoll for connections, a timerfd for idleness, a self-pipe for signals. */
#include "conn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct watcher {
    int fd;
    int (*ready)(struct watcher *w, unsigned int events);
    struct conn *conn;
};

static int signal_pipe[2];
static int running = 1;

static void on_signal(int signo)
{
    int saved = errno;
    char byte = (char)signo;

    if (write(signal_pipe[1], &byte, 1) < 0)
        _exit(1);
    errno = saved;
}

static int signal_ready(struct watcher *w, unsigned int events)
{
    char byte;

    (void)events;
    if (read(w->fd, &byte, 1) == 1 && byte == SIGTERM)
        running = 0;
    return 0;
}

static int timer_ready(struct watcher *w, unsigned int events)
{
    unsigned long long ticks;

    (void)events;
    if (read(w->fd, &ticks, sizeof(ticks)) == sizeof(ticks) && w->conn)
        conn_tick(w->conn);
    return 0;
}

static int conn_ready(struct watcher *w, unsigned int events)
{
    char data[256];
    ssize_t n;

    if (events & EPOLLHUP) {
        conn_drop(w->conn, 0);
        return -1;
    }
    n = read(w->fd, data, sizeof(data));
    return n > 0 ? conn_feed(w->conn, data, (size_t)n) : -1;
}

static int watch(int epoll, struct watcher *w)
{
    struct epoll_event ev = { .events = EPOLLIN, .data = { .ptr = w } };

    return epoll_ctl(epoll, EPOLL_CTL_ADD, w->fd, &ev);
}

static void say_bye(void)
{
    fputs("bye\n", stderr);
}

int main(void)
{
    struct epoll_event events[8];
    struct sigaction sa = { .sa_handler = on_signal };
    struct itimerspec every = { .it_interval = { .tv_sec = 1 }, .it_value = { .tv_sec = 1 } };
    struct conn conn = { .fd = 0 };
    struct watcher watchers[] = {
        { .ready = signal_ready },
        { .ready = timer_ready, .conn = &conn },
        { .ready = conn_ready, .conn = &conn },
    };
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    atexit(say_bye);
    if (epoll < 0 || pipe2(signal_pipe, O_CLOEXEC) < 0)
        return 1;
    sigaction(SIGTERM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
    watchers[0].fd = signal_pipe[0];
    watchers[1].fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    timerfd_settime(watchers[1].fd, 0, &every, NULL);
    watchers[2].fd = conn.fd;
    if (conn_start(&conn, "kv") < 0)
        return 1;
    for (size_t i = 0; i < 3; i++)
        if (watch(epoll, &watchers[i]) < 0)
            return 1;
    while (running) {
        int n = epoll_wait(epoll, events, 8, -1);

        for (int i = 0; i < n; i++) {
            struct watcher *w = events[i].data.ptr;

            if (w->ready(w, events[i].events) < 0)
                running = 0;
        }
    }
    return 0;
}
