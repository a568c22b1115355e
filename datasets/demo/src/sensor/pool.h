#ifndef POOL_H
#define POOL_H

struct job {
    void (*run)(struct job *job);
    void (*done)(struct job *job, int status);
    struct job *next;
    int status;
};

int pool_start(int threads);
void pool_submit(struct job *job);
void pool_stop(void);

#endif
