/* The player's menu: a macro table of entries, and undo by a stack of closures. */
#include <stdio.h>

#define MENU(X) \
    X(play, "Play") \
    X(pause, "Pause") \
    X(quit, "Quit")

struct undo {
    void (*revert)(int arg);
    int arg;
};

static struct undo stack[8];
static int depth;
static int state;

static void set_state(int value)
{
    state = value;
}

static void push_undo(void (*revert)(int arg), int arg)
{
    if (depth < 8)
        stack[depth++] = (struct undo){ revert, arg };
}

static void menu_play(void)
{
    push_undo(set_state, state);
    state = 1;
}

static void menu_pause(void)
{
    push_undo(set_state, state);
    state = 2;
}

static void menu_quit(void)
{
    state = 0;
}

#define ENTRY(name, title) { title, menu_##name },
static const struct {
    const char *title;
    void (*run)(void);
} menu[] = { MENU(ENTRY) };

void menu_select(unsigned int index)
{
    if (index < sizeof(menu) / sizeof(menu[0]))
        menu[index].run();
}

void menu_undo(void)
{
    if (depth > 0) {
        struct undo *u = &stack[--depth];

        u->revert(u->arg);
    }
}

void menu_print(void)
{
    for (unsigned int i = 0; i < sizeof(menu) / sizeof(menu[0]); i++)
        printf("%u %s\n", i, menu[i].title);
}
