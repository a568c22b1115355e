/* A player on an event loop in the style of libuv: a timer, a wake-up from another thread, and work in the pool. */
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct player {
    uv_timer_t frame;
    uv_async_t wake;
    uv_work_t decode;
    uv_signal_t quit;
    int frames;
};

static void on_decode(uv_work_t *req)
{
    struct player *p = req->data;

    p->frames += 25;
}

static void on_decoded(uv_work_t *req, int status)
{
    struct player *p = req->data;

    if (status == 0)
        uv_async_send(&p->wake);
}

static void on_wake(uv_async_t *handle)
{
    struct player *p = handle->data;

    printf("buffered %d frames\n", p->frames);
}

static void on_closed(uv_handle_t *handle)
{
    (void)handle;
}

static void on_frame(uv_timer_t *handle)
{
    struct player *p = handle->data;

    if (--p->frames < 5)
        uv_queue_work(handle->loop, &p->decode, on_decode, on_decoded);
}

static void on_quit(uv_signal_t *handle, int signum)
{
    struct player *p = handle->data;

    (void)signum;
    uv_timer_stop(&p->frame);
    uv_close((uv_handle_t *)&p->wake, on_closed);
    uv_close((uv_handle_t *)handle, on_closed);
}

int player_run(struct player *p)
{
    uv_loop_t *loop = uv_default_loop();

    p->frame.data = p->wake.data = p->decode.data = p->quit.data = p;
    uv_timer_init(loop, &p->frame);
    uv_async_init(loop, &p->wake, on_wake);
    uv_signal_init(loop, &p->quit);
    uv_timer_start(&p->frame, on_frame, 0, 40);
    uv_signal_start(&p->quit, on_quit, 2);
    return uv_run(loop, UV_RUN_DEFAULT);
}
