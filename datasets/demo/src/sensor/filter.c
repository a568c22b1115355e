/* A chain of filters over samples. Each stage is chosen by name at start-up. */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

static double keep(double value, void *state)
{
    (void)state;
    return value;
}

static double smooth(double value, void *state)
{
    double *last = state;

    *last = 0.8 * *last + 0.2 * value;
    return *last;
}

static double clamp(double value, void *state)
{
    const double *limit = state;

    return value > *limit ? *limit : value;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

filter_fn filter_by_name(const char *name)
{
    if (strcmp(name, "smooth") == 0)
        return smooth;
    if (strcmp(name, "clamp") == 0)
        return clamp;
    return keep;
}

void chain_add(struct chain *chain, const char *name, void *state)
{
    struct stage *stage = &chain->stages[chain->count++];

    stage->apply = filter_by_name(name);
    stage->state = state;
}

double chain_run(const struct chain *chain, double value)
{
    for (int i = 0; i < chain->count; i++)
        value = chain->stages[i].apply(value, chain->stages[i].state);
    return value;
}

double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), ascending);
    return values[count / 2];
}

double reduce(const double *values, size_t count, double (*step)(double, double), double start)
{
    for (size_t i = 0; i < count; i++)
        start = step(start, values[i]);
    return start;
}
