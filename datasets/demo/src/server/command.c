/* Commands of the key-value protocol: a sorted table, searched with bsearch. */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*command_fn)(const char *arg, char *out, size_t size);

struct command {
    const char *word;
    command_fn run;
};

static char stored[128];

static int cmd_get(const char *arg, char *out, size_t size)
{
    (void)arg;
    return snprintf(out, size, "%s\n", stored);
}

static int cmd_ping(const char *arg, char *out, size_t size)
{
    return snprintf(out, size, "pong %s\n", arg);
}

static int cmd_set(const char *arg, char *out, size_t size)
{
    snprintf(stored, sizeof(stored), "%s", arg);
    return snprintf(out, size, "ok\n");
}

static const struct command commands[] = {
    { "get", cmd_get },
    { "ping", cmd_ping },
    { "set", cmd_set },
};

static int by_word(const void *key, const void *entry)
{
    return strcmp(key, ((const struct command *)entry)->word);
}

int command_run(const char *line, char *out, size_t size)
{
    char word[32];
    const char *space = strchr(line, ' ');
    size_t len = space ? (size_t)(space - line) : strlen(line);
    const struct command *cmd;

    if (len >= sizeof(word))
        return -1;
    memcpy(word, line, len);
    word[len] = '\0';
    cmd = bsearch(word, commands, sizeof(commands) / sizeof(commands[0]), sizeof(commands[0]), by_word);
    if (!cmd)
        return -1;
    return cmd->run(space ? space + 1 : "", out, size);
}
