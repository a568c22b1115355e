/* A pool of threads that takes jobs off a list; a condition variable wakes them. */
#include "pool.h"

#include <pthread.h>
#include <stddef.h>

#define MAX_THREADS 8

static pthread_t threads[MAX_THREADS];
static int thread_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_ready = PTHREAD_COND_INITIALIZER;
static struct job *head;
static int stopping;

static struct job *take(void)
{
    struct job *job;

    pthread_mutex_lock(&lock);
    while (!head && !stopping)
        pthread_cond_wait(&work_ready, &lock);
    job = head;
    if (job)
        head = job->next;
    pthread_mutex_unlock(&lock);
    return job;
}

static void *worker(void *arg)
{
    struct job *job;

    (void)arg;
    while ((job = take()) != NULL) {
        job->run(job);
        if (job->done)
            job->done(job, job->status);
    }
    return NULL;
}

int pool_start(int count)
{
    if (count > MAX_THREADS)
        count = MAX_THREADS;
    for (thread_count = 0; thread_count < count; thread_count++)
        if (pthread_create(&threads[thread_count], NULL, worker, NULL) != 0)
            return -1;
    return 0;
}

void pool_submit(struct job *job)
{
    pthread_mutex_lock(&lock);
    job->next = head;
    head = job;
    pthread_cond_signal(&work_ready);
    pthread_mutex_unlock(&lock);
}

void pool_stop(void)
{
    pthread_mutex_lock(&lock);
    stopping = 1;
    pthread_cond_broadcast(&work_ready);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
}
