#ifndef COMMAND_H
#define COMMAND_H

#include <stddef.h>

int command_run(const char *line, char *out, size_t size);

#endif
