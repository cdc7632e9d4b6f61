/* The stack that a clip takes, painted; nothing is counted, so that only the firmware itself uses it. */
#include "scene_count.h"
#include "scene_count_samples.h"

static scene_state state;

int main(void) {
    scene_board_paint_stack();
    (void)scene_count_clip(&state);
    scene_count_print("stack", scene_board_stack_used());
    scene_count_print("state", (int64_t)sizeof state);
    for (uint32_t c = 0; c < SCENE_CLASSES; c++)
        scene_count_print("logit", scene_stored_logits(&state)[c]);
    return 0;
}
