#ifndef CODEC_H
#define CODEC_H

#include <stddef.h>

struct codec {
    int (*probe)(const unsigned char *head, size_t len);
    int (*decode)(const unsigned char *in, size_t len, short *out);
    struct codec *next;
};

void codec_register(struct codec *codec);
const struct codec *codec_for(const unsigned char *head, size_t len);
void codec_register_all(void);
int codec_decode(const unsigned char *in, size_t len, short *out);

#endif
