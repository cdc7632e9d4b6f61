/* The self-test on a bare Cortex-M; the exit status is that of the emulator. */
#include "scene_board.h"
#include "scene_selftest.h"

int main(void) {
    static scene_state state;
    return scene_selftest(&state, scene_board_print);
}
