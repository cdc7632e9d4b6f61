/* The stream: samples to frames, frames to clips, clips to decisions. */
#include "scene.h"

#include <string.h>

#include "scene_logmel.h"
#include "scene_net.h"

/* Does not compile where the size is another than README.md tells: the compiler pads structs in another way than all known ones. */
typedef char size_is_as_predicted[sizeof(scene_state) == SCENE_STATE_BYTES ? 1 : -1];

#define FRAMES_A_DECISION ((uint32_t)(SCENE_DECISION_HOP / SCENE_HOP))

/* The samples and the front end's memory, wherever they are. */
static int16_t *audio_of(scene_state *state) {
#if SCENE_AUDIO_IS_SCRATCH
    return state->scratch.frame.audio;
#else
    return state->audio;
#endif
}

/*
 * Compute a frame.
 *
 * start: where the window's first sample is in the ring.
 * first, end: the part of the window that lies within the clip; the rest is zero or mirrored.
 * column: where the frame goes in `features`.
 */
static void compute(scene_state *state, uint32_t start, uint32_t first, uint32_t end, uint32_t column) {
    scene_logmel_frame(audio_of(state), start, first, end, state->scratch.frame.front_end,
                       state->features + (size_t)column * SCENE_MELS);
}

/* The samples of a window are there: compute its frame for each clip that has it among its first ones, and once for all that share it. */
static void take_frame(scene_state *state) {
#if SCENE_TAIL_BEGIN > 0
    uint32_t back, t;
#if SCENE_SHARED > 0
    uint8_t shared = 0;
#endif
    for (back = 0, t = state->phase; back <= state->begun && t < SCENE_TAIL_BEGIN; back++, t += FRAMES_A_DECISION) {
#if SCENE_HEAD > 0
        if (t < SCENE_HEAD) {
            uint32_t place = (state->newest + SCENE_PENDING - back) % SCENE_PENDING;
            compute(state, state->write, SCENE_BEFORE - t * SCENE_HOP, SCENE_WINDOW, place * SCENE_HEAD + t);
            continue;
        }
#endif
#if SCENE_SHARED > 0
        if (!shared) {
            compute(state, state->write, 0, SCENE_WINDOW, SCENE_PENDING * SCENE_HEAD + state->slot);
            shared = 1;
        }
#endif
    }
#endif
#if SCENE_SHARED > 0
    state->slot = state->slot + 1 == SCENE_SHARED ? 0 : state->slot + 1;
#endif
    if (++state->phase == FRAMES_A_DECISION) {
        state->phase = 0;
        state->begun = state->begun < SCENE_FRAMES ? state->begun + 1 : SCENE_FRAMES;
#if SCENE_HEAD > 0
        state->newest = state->newest + 1 == SCENE_PENDING ? 0 : state->newest + 1;
#endif
    }
}

/* Smooth the logits: each moves a share of the way from where it is to the new one. */
static void smooth(scene_state *state) {
    int i;
    for (i = 0; i < SCENE_CLASSES; i++) {
        int32_t found = (state->logits[i] - SCENE_OUTPUT_ZERO_POINT) * 65536;
#if SCENE_SMOOTHING > 0
        if (state->decided) {
            int64_t kept = ((int64_t)state->smoothed[i] - found) * SCENE_SMOOTHING / 32768;
            found += (int32_t)kept;
        }
#endif
        state->smoothed[i] = found;
    }
    state->decided = 1;
}

/* A clip is full: compute its last frames, and run the net. */
static void decide(scene_state *state) {
    uint32_t t;
    for (t = 0; t < SCENE_FRAMES; t++) {
#if SCENE_HEAD > 0
        if (t < SCENE_HEAD) {
            state->order[t] = (uint16_t)(state->deciding * SCENE_HEAD + t);
            continue;
        }
#endif
#if SCENE_SHARED > 0
        if (t < SCENE_TAIL_BEGIN) {
            state->order[t] = (uint16_t)(SCENE_PENDING * SCENE_HEAD + (state->origin + t) % SCENE_SHARED);
            continue;
        }
#endif
#if SCENE_TAIL > 0
        {
            uint32_t end = SCENE_NEEDED + SCENE_BEFORE - t * SCENE_HOP;
            uint32_t first = t * SCENE_HOP < SCENE_BEFORE ? SCENE_BEFORE - t * SCENE_HOP : 0u;
            uint32_t start = (state->write + SCENE_SPAN - end) % SCENE_SPAN;
            uint32_t column = SCENE_PENDING * SCENE_HEAD + SCENE_SHARED + (t - SCENE_TAIL_BEGIN);
            compute(state, start, first, end - SCENE_AHEAD_, column);
            state->order[t] = (uint16_t)column;
        }
#endif
    }
    scene_net_run(state->features, state->order, state->scratch.net, state->logits);
    smooth(state);
#if SCENE_SHARED > 0
    state->origin = (state->origin + FRAMES_A_DECISION) % SCENE_SHARED;
#endif
#if SCENE_HEAD > 0
    state->deciding = state->deciding + 1 == SCENE_PENDING ? 0 : state->deciding + 1;
#endif
}

void scene_init(scene_state *state) {
    memset(state, 0, sizeof *state);
    state->to_frame = SCENE_SPAN - SCENE_BEFORE;
    state->to_decision = SCENE_NEEDED;
}

size_t scene_push(scene_state *state, const int16_t *samples, size_t n) {
    size_t decisions = 0;
    while (n > 0) {
        uint32_t take = SCENE_SPAN - state->write;
        take = state->to_frame < take ? state->to_frame : take;
        take = state->to_decision < take ? state->to_decision : take;
        take = n < take ? (uint32_t)n : take;
        memcpy(audio_of(state) + state->write, samples, take * sizeof *samples);
        samples += take;
        n -= take;
        state->write = state->write + take == SCENE_SPAN ? 0 : state->write + take;
        state->to_frame -= take;
        state->to_decision -= take;
        if (state->to_frame == 0) {
            take_frame(state);
            state->to_frame = SCENE_HOP;
        }
        if (state->to_decision == 0) {
            decide(state);
            state->to_decision = SCENE_DECISION_HOP;
            decisions++;
        }
    }
    return decisions;
}

int scene_class(const scene_state *state) {
    int i, best = 0;
    for (i = 1; i < SCENE_CLASSES; i++) {
        if (state->smoothed[i] > state->smoothed[best]) {
            best = i;
        }
    }
    return best;
}

uint32_t scene_samples_since(const scene_state *state) {
    return (state->decided ? SCENE_DECISION_HOP : SCENE_NEEDED) - state->to_decision;
}

const char *scene_class_name(int number) {
    static const char *const names[SCENE_CLASSES] = SCENE_CLASS_NAMES;
    return number < 0 || number >= SCENE_CLASSES ? "" : names[number];
}

const int8_t *scene_stored_logits(const scene_state *state) {
    return state->logits;
}

const int8_t *scene_frame(const scene_state *state, int t) {
    return state->features + (size_t)state->order[t] * SCENE_MELS;
}
