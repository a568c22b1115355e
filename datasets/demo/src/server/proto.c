/* The two protocols the server speaks: echo, and a tiny key-value protocol. */
#include "conn.h"
#include "command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int reply(struct conn *c, const char *text)
{
    size_t len = strlen(text);

    return write(c->fd, text, len) == (ssize_t)len ? 0 : -1;
}

static int echo_open(struct conn *c)
{
    return reply(c, "echo ready\n");
}

static int echo_line(struct conn *c, const char *line, size_t len)
{
    (void)len;
    return reply(c, line);
}

static void kv_idle(struct conn *c, void *arg)
{
    int *missed = arg;

    if (++*missed > 3)
        conn_drop(c, 110);
}

static int kv_missed;

static int kv_open(struct conn *c)
{
    conn_set_idle(c, kv_idle, &kv_missed);
    return reply(c, "kv ready\n");
}

static int kv_line(struct conn *c, const char *line, size_t len)
{
    char out[256];

    (void)len;
    kv_missed = 0;
    if (command_run(line, out, sizeof(out)) < 0)
        return reply(c, "error\n");
    return reply(c, out);
}

static void kv_close(struct conn *c, int reason)
{
    fprintf(stderr, "kv: connection %d closed (%d)\n", c->fd, reason);
}

static const struct proto_ops protos[] = {
    { .name = "echo", .open = echo_open, .on_line = echo_line },
    { .name = "kv", .open = kv_open, .on_line = kv_line, .close = kv_close },
};

const struct proto_ops *proto_find(const char *name)
{
    for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
        if (strcmp(protos[i].name, name) == 0)
            return &protos[i];
    return NULL;
}
