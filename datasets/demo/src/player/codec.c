/* Codecs register themselves; the player asks each whether it knows the stream. */
#include "codec.h"

#include <stddef.h>
#include <string.h>

static struct codec *codecs;

void codec_register(struct codec *codec)
{
    codec->next = codecs;
    codecs = codec;
}

const struct codec *codec_for(const unsigned char *head, size_t len)
{
    for (struct codec *c = codecs; c; c = c->next)
        if (c->probe(head, len))
            return c;
    return NULL;
}

static int wav_probe(const unsigned char *head, size_t len)
{
    return len >= 4 && memcmp(head, "RIFF", 4) == 0;
}

static int wav_decode(const unsigned char *in, size_t len, short *out)
{
    memcpy(out, in, len);
    return (int)(len / 2);
}

static int raw_probe(const unsigned char *head, size_t len)
{
    (void)head;
    return len > 0;
}

static int raw_decode(const unsigned char *in, size_t len, short *out)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (short)(in[i] << 8);
    return (int)len;
}

static struct codec wav = { .probe = wav_probe, .decode = wav_decode };
static struct codec raw = { .probe = raw_probe, .decode = raw_decode };

void codec_register_all(void)
{
    codec_register(&raw);
    codec_register(&wav);
}

int codec_decode(const unsigned char *in, size_t len, short *out)
{
    const struct codec *codec = codec_for(in, len);
    int (*decode)(const unsigned char *, size_t, short *);

    if (!codec)
        return -1;
    decode = codec->decode;
    return decode(in, len, out);
}
