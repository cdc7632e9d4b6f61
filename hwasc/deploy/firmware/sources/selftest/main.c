/* The self-test as a program: exit status 0 when it passes. */
#include <stdio.h>

#include "scene_selftest.h"

static void print(const char *text) {
    fputs(text, stdout);
}

int main(void) {
    static scene_state state;
    return scene_selftest(&state, print);
}
