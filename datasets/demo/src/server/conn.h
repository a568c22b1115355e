/* Connections of a small line server. Each protocol brings its own table of operations. */
#ifndef CONN_H
#define CONN_H

#include <stddef.h>

struct conn;

struct proto_ops {
    const char *name;
    int (*open)(struct conn *c);
    int (*on_line)(struct conn *c, const char *line, size_t len);
    void (*close)(struct conn *c, int reason);
};

struct conn {
    int fd;
    const struct proto_ops *ops;
    void (*on_idle)(struct conn *c, void *arg);
    void *idle_arg;
    char buf[512];
    size_t used;
    struct conn *next;
};

const struct proto_ops *proto_find(const char *name);
int conn_start(struct conn *c, const char *proto);
int conn_feed(struct conn *c, const char *data, size_t len);
void conn_set_idle(struct conn *c, void (*fn)(struct conn *c, void *arg), void *arg);
void conn_tick(struct conn *c);
void conn_drop(struct conn *c, int reason);

#endif
