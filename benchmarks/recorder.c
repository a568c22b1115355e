/* Records who called whom: preload it into a program compiled with -O0 -g -finstrument-functions.
 *
 *   gcc -O2 -shared -fPIC -o recorder.so benchmarks/recorder.c
 *   OBSERVED_DIR=log LD_PRELOAD=./recorder.so ./program ...
 *
 * Each process writes log/PID.calls when it ends: the lines of /proc/self/maps, then one line "c CALLEE RETURN_ADDRESS" (hexadecimal)
 * for each distinct pair. Pairs past the table's size are dropped and counted in the last line. Processes that end by a signal write
 * nothing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SLOTS (1u << 20)

static _Atomic uint64_t callee_of[SLOTS], site_of[SLOTS];
static atomic_ulong dropped;

__attribute__((no_instrument_function)) void __cyg_profile_func_enter(void *callee, void *site)
{
    uint64_t f = (uint64_t)callee, s = (uint64_t)site;
    uint32_t at = (uint32_t)((f * 0x9E3779B97F4A7C15ull ^ s * 0xC2B2AE3D27D4EB4Full) >> 40) & (SLOTS - 1);

    for (int tries = 0; tries < 64; tries++, at = (at + 1) & (SLOTS - 1)) {
        uint64_t there = atomic_load_explicit(&site_of[at], memory_order_relaxed);

        if (there == s && atomic_load_explicit(&callee_of[at], memory_order_relaxed) == f)
            return;
        if (there == 0) {
            uint64_t none = 0;

            if (atomic_compare_exchange_strong(&site_of[at], &none, s)) {
                atomic_store(&callee_of[at], f);
                return;
            }
        }
    }
    atomic_fetch_add(&dropped, 1);
}

__attribute__((no_instrument_function)) void __cyg_profile_func_exit(void *callee, void *site)
{
    (void)callee;
    (void)site;
}

__attribute__((destructor, no_instrument_function)) static void write_out(void)
{
    char name[4096], line[4096];
    const char *dir = getenv("OBSERVED_DIR");
    FILE *out, *maps;

    if (!dir)
        return;
    snprintf(name, sizeof(name), "%s/%d.calls", dir, (int)getpid());
    out = fopen(name, "w");
    maps = fopen("/proc/self/maps", "r");
    if (!out || !maps)
        return;
    while (fgets(line, sizeof(line), maps))
        fprintf(out, "m %s", line);
    for (uint32_t i = 0; i < SLOTS; i++)
        if (site_of[i] && callee_of[i])
            fprintf(out, "c %lx %lx\n", (unsigned long)callee_of[i], (unsigned long)site_of[i]);
    fprintf(out, "d %lu\n", (unsigned long)dropped);
    fclose(maps);
    fclose(out);
}

/* A program that forks often ends its children by _exit, which runs no destructors. */
__attribute__((no_instrument_function)) void _exit(int status)
{
    write_out();
    syscall(SYS_exit_group, status);
    __builtin_unreachable();
}
