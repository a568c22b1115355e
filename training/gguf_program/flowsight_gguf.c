/* The three things the line asks of llama.cpp: quantize a GGUF file, tokenize with it, and say what it makes of tokens.
 *
 * It is compiled against the llama.h of the llama.cpp that is used, so a changed structure is a compile error and not a wrong figure.
 *
 *   flowsight-gguf quantize IN.gguf OUT.gguf TYPE THREADS
 *   flowsight-gguf tokenize MODEL.gguf            stdin: "BYTES\n" then that many bytes, repeated; stdout: one line of token ids each
 *   flowsight-gguf run MODEL.gguf CONTEXT THREADS LOGITS   stdin, one request a line:
 *       score FROM ID ID ...    appends to LOGITS the logits (float32, machine order, one row of the vocabulary a position) of the
 *                               positions FROM (0-based) to the last; stdout: "score ROWS VOCABULARY"
 *
 * CPU only; keys and values of the attention are kept in float32, so that what is measured is the file's weights.
 */
#include "llama.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char * name; enum llama_ftype type; } TYPES[] = {
    {"Q8_0", LLAMA_FTYPE_MOSTLY_Q8_0},     {"Q6_K", LLAMA_FTYPE_MOSTLY_Q6_K},
    {"Q5_K_M", LLAMA_FTYPE_MOSTLY_Q5_K_M}, {"Q5_0", LLAMA_FTYPE_MOSTLY_Q5_0},
    {"Q4_K_M", LLAMA_FTYPE_MOSTLY_Q4_K_M}, {"Q4_K_S", LLAMA_FTYPE_MOSTLY_Q4_K_S},
    {"Q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},     {"Q3_K_M", LLAMA_FTYPE_MOSTLY_Q3_K_M},
    {"Q2_K", LLAMA_FTYPE_MOSTLY_Q2_K},
};

static void keep_warnings(enum ggml_log_level level, const char * text, void * data) {
    (void) data;
    static enum ggml_log_level last = GGML_LOG_LEVEL_INFO;
    if (level != GGML_LOG_LEVEL_CONT) last = level;
    if (last == GGML_LOG_LEVEL_WARN || last == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
}

static int fail(const char * what, const char * value) {
    fprintf(stderr, "flowsight-gguf: %s%s%s\n", what, *value ? ": " : "", value);
    return 1;
}

static int quantize(const char * in, const char * out, const char * type, int threads) {
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (strcmp(type, TYPES[i].name) != 0) continue;
        struct llama_model_quantize_params params = llama_model_quantize_default_params();
        params.ftype = TYPES[i].type;
        params.nthread = threads;
        return llama_model_quantize(in, out, &params) == 0 ? 0 : fail("llama.cpp could not quantize", in);
    }
    return fail("unknown type", type);
}

static struct llama_model * load(const char * path, bool vocab_only) {
    struct llama_model_params params = llama_model_default_params();
    params.n_gpu_layers = 0;
    params.vocab_only = vocab_only;
    return llama_model_load_from_file(path, params);
}

static int tokenize(const char * path) {
    struct llama_model * model = load(path, true);
    if (!model) return fail("llama.cpp could not load", path);
    const struct llama_vocab * vocab = llama_model_get_vocab(model);
    long bytes;
    while (scanf("%ld", &bytes) == 1) {
        if (bytes < 0 || bytes > (1L << 30) || getchar() != '\n') return fail("bad length in a request", "");
        char * text = malloc((size_t) bytes + 1);
        llama_token * tokens = malloc(((size_t) bytes + 8) * sizeof *tokens);
        if (!text || !tokens) return fail("out of memory", "");
        if (fread(text, 1, (size_t) bytes, stdin) != (size_t) bytes) return fail("a request ends early", "");
        int n = llama_tokenize(vocab, text, (int32_t) bytes, tokens, (int32_t) bytes + 8, false, true);
        if (n < 0) return fail("llama.cpp could not tokenize a text", "");
        for (int i = 0; i < n; i++) printf("%s%d", i ? " " : "", tokens[i]);
        putchar('\n');
        free(text);
        free(tokens);
    }
    llama_model_free(model);
    return 0;
}

/* Feeds tokens[0..n) in one batch at their positions; those from `first` on give logits. */
static int feed(struct llama_context * ctx, const llama_token * tokens, int first, int n) {
    struct llama_batch batch = llama_batch_init(n, 0, 1);
    for (int i = 0; i < n; i++) {
        int at = batch.n_tokens++;
        batch.token[at] = tokens[i];
        batch.pos[at] = i;
        batch.n_seq_id[at] = 1;
        batch.seq_id[at][0] = 0;
        batch.logits[at] = i >= first;
    }
    int failed = llama_decode(ctx, batch);
    llama_batch_free(batch);
    return failed;
}

static int score(struct llama_context * ctx, const struct llama_vocab * vocab, const llama_token * tokens, int n, int from, FILE * out) {
    size_t n_vocab = (size_t) llama_vocab_n_tokens(vocab);
    if (from < 0 || from >= n) return fail("score: no position to score", "");
    if (feed(ctx, tokens, from, n)) return fail("llama.cpp could not decode", "");
    for (int i = from; i < n; i++) {
        if (fwrite(llama_get_logits_ith(ctx, i), sizeof(float), n_vocab, out) != n_vocab) return fail("cannot write logits", "");
    }
    printf("score %d %zu\n", n - from, n_vocab);
    return 0;
}

static int run(const char * path, int context, int threads, const char * logits_path) {
    struct llama_model * model = load(path, false);
    if (!model) return fail("llama.cpp could not load", path);
    const struct llama_vocab * vocab = llama_model_get_vocab(model);
    struct llama_context_params params = llama_context_default_params();
    params.n_ctx = params.n_batch = params.n_ubatch = (uint32_t) context;
    params.n_threads = params.n_threads_batch = threads;
    params.type_k = params.type_v = GGML_TYPE_F32;
    struct llama_context * ctx = llama_init_from_model(model, params);
    FILE * out = fopen(logits_path, "wb");
    llama_token * tokens = malloc((size_t) context * sizeof *tokens);
    if (!ctx || !out || !tokens) return fail("cannot start with", path);
    char word[16];
    int failed = 0, number;
    while (!failed && scanf("%15s %d", word, &number) == 2) {
        int n = 0, c;
        while ((c = getchar()) != '\n' && c != EOF) {
            if (c == ' ') continue;
            ungetc(c, stdin);
            if (n == context || scanf("%d", &tokens[n]) != 1) return fail("a request is too long or no list of ids", "");
            if (tokens[n] < 0 || tokens[n] >= llama_vocab_n_tokens(vocab)) return fail("a token id is outside of the vocabulary", "");
            n++;
        }
        llama_memory_clear(llama_get_memory(ctx), true);
        if (strcmp(word, "score") == 0) failed = score(ctx, vocab, tokens, n, number, out);
        else failed = fail("unknown request", word);
    }
    if (fclose(out) != 0) failed = fail("cannot write", logits_path);
    free(tokens);
    llama_free(ctx);
    llama_model_free(model);
    return failed;
}

int main(int argc, char ** argv) {
    llama_log_set(keep_warnings, NULL);
    llama_backend_init();
    if (argc == 6 && strcmp(argv[1], "quantize") == 0) return quantize(argv[2], argv[3], argv[4], atoi(argv[5]));
    if (argc == 3 && strcmp(argv[1], "tokenize") == 0) return tokenize(argv[2]);
    if (argc == 6 && strcmp(argv[1], "run") == 0 && atoi(argv[3]) > 0) return run(argv[2], atoi(argv[3]), atoi(argv[4]), argv[5]);
    return fail("usage: see the head of flowsight_gguf.c", "");
}
