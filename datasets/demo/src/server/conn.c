/* Feeds bytes into lines and lines into the connection's protocol. */
#include "conn.h"

#include <string.h>
#include <unistd.h>

int conn_start(struct conn *c, const char *proto)
{
    c->ops = proto_find(proto);
    if (!c->ops)
        return -1;
    c->used = 0;
    return c->ops->open(c);
}

static int deliver(struct conn *c, size_t end)
{
    size_t rest = c->used - end - 1;
    int rc;

    c->buf[end] = '\0';
    rc = c->ops->on_line(c, c->buf, end);
    memmove(c->buf, c->buf + end + 1, rest);
    c->used = rest;
    return rc;
}

int conn_feed(struct conn *c, const char *data, size_t len)
{
    char *nl;

    if (len > sizeof(c->buf) - c->used)
        return -1;
    memcpy(c->buf + c->used, data, len);
    c->used += len;
    while ((nl = memchr(c->buf, '\n', c->used)) != NULL)
        if (deliver(c, (size_t)(nl - c->buf)) < 0)
            return -1;
    return 0;
}

void conn_set_idle(struct conn *c, void (*fn)(struct conn *c, void *arg), void *arg)
{
    c->on_idle = fn;
    c->idle_arg = arg;
}

void conn_tick(struct conn *c)
{
    if (c->on_idle)
        c->on_idle(c, c->idle_arg);
}

void conn_drop(struct conn *c, int reason)
{
    if (c->ops->close)
        c->ops->close(c, reason);
    close(c->fd);
    c->fd = -1;
}
