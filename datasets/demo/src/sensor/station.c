/* 气象站：线程池采样，POSIX 定时器触发，滤波后输出。 */
#include "filter.h"
#include "pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct sample_job {
    struct job job;
    struct chain *chain;
    double value;
};

static struct chain chain;
static double last, limit = 40.0;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void build_chain(void)
{
    chain_add(&chain, "smooth", &last);
    chain_add(&chain, "clamp", &limit);
}

/* 在线程池的线程中运行 */
static void sample(struct job *job)
{
    struct sample_job *s = (struct sample_job *)job;

    s->value = chain_run(s->chain, 20.0 + rand() % 30);
    job->status = s->value >= limit;
}

static void report(struct job *job, int status)
{
    struct sample_job *s = (struct sample_job *)job;

    printf("%.1f%s\n", s->value, status ? " (limit)" : "");
    free(s);
}

/* SIGEV_THREAD：库为每次到期启动一个线程 */
static void on_expire(union sigval value)
{
    struct sample_job *s = calloc(1, sizeof(*s));

    if (!s)
        return;
    s->chain = value.sival_ptr;
    s->job.run = sample;
    s->job.done = report;
    pool_submit(&s->job);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

int main(void)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD,
        .sigev_notify_function = on_expire,
        .sigev_value = { .sival_ptr = &chain },
    };
    struct itimerspec every = { .it_interval = { .tv_sec = 1 }, .it_value = { .tv_sec = 1 } };
    struct timespec minute = { .tv_sec = 60 };
    double history[] = { 3, 1, 2 };
    timer_t timer;

    pthread_once(&once, build_chain);
    if (pool_start(2) < 0 || timer_create(CLOCK_MONOTONIC, &event, &timer) < 0)
        return 1;
    timer_settime(timer, 0, &every, NULL);
    nanosleep(&minute, NULL);
    timer_delete(timer);
    pool_stop();
    printf("median %.1f, largest %.1f\n", median(history, 3), reduce(history, 3, larger, 0));
    return 0;
}
