/* A macro that defines an object, its members in order. */
typedef int (*reset_fn)(void *);
struct raster { int format; reset_fn reset; };
#define DEFINE_RASTER(name, format_, reset_) \
  const struct raster name = \
  { \
    format_, \
    reset_ \
  };
static int black_reset(struct raster *r) { return 0; }
DEFINE_RASTER(
    standard,
    4,
    (reset_fn) black_reset
)
int reset(struct raster *r) { return r->reset(r); } // expect r->reset: black_reset
