#ifndef FILTER_H
#define FILTER_H

#include <stddef.h>

typedef double (*filter_fn)(double value, void *state);

struct stage {
    filter_fn apply;
    void *state;
};

struct chain {
    struct stage stages[4];
    int count;
};

filter_fn filter_by_name(const char *name);
void chain_add(struct chain *chain, const char *name, void *state);
double chain_run(const struct chain *chain, double value);
double median(double *values, size_t count);
double reduce(const double *values, size_t count, double (*step)(double, double), double start);

#endif
