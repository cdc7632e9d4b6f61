/*
 * From microphone to class: the whole interface.
 *
 *     static scene_state state;              // all of the memory that is used, but for the stack
 *
 *     scene_init(&state);
 *     for (;;) {
 *         size_t n = read_microphone(samples, 256);       // int16, SCENE_SAMPLE_RATE per second, one channel
 *         if (scene_push(&state, samples, n) > 0) {       // a decision was made
 *             puts(scene_class_name(scene_class(&state)));
 *         }
 *     }
 *
 * A decision is made for the last SCENE_NEEDED samples (a clip, or what of it the frames need): the first one when so many have
 * come, then one each SCENE_DECISION_HOP samples. Features of a frame are computed as soon as its samples are there; the net
 * runs at a decision, within scene_push. There are no allocations and no variables outside of the state, so that several states
 * can be used at once.
 */
#ifndef SCENE_H
#define SCENE_H

#include <stddef.h>
#include <stdint.h>

#include "scene_model.h"

#if SCENE_FORMAT != 2
#error "scene_model.h and scene.h are of different versions of hwasc; export again"
#endif
#if SCENE_DECISION_HOP % SCENE_HOP != 0 || SCENE_DECISION_HOP < SCENE_HOP
#error "SCENE_DECISION_HOP must be a multiple of SCENE_HOP, the samples from frame to frame"
#endif

/* The share of the decisions so far in scene_logits, in 1/32768: 0 is the last decision alone. */
#ifndef SCENE_SMOOTHING
#define SCENE_SMOOTHING 0
#endif
#if SCENE_SMOOTHING < 0 || SCENE_SMOOTHING > 32767
#error "SCENE_SMOOTHING must be from 0 to 32767"
#endif

/*
 * Frames of a clip. A frame's window may begin before the clip or end after it, and there the samples are zero or mirrored, as they
 * were in training. So the first frames (head) and the last ones (tail) are a clip's own; those between are shared by the clips that
 * overlap. The last frames are computed at the decision, the others when their window is full. A decision is made as soon as the
 * samples that frames need are there: mostly the whole clip.
 */
#define SCENE_LEAST_(a, b) ((a) < (b) ? (a) : (b))
#define SCENE_MOST_(a, b) ((a) < (b) ? (b) : (a))
#define SCENE_AHEAD_ (SCENE_EMPHASIS == 1) /* a clip that is pre-emphasised has one sample less */
#define SCENE_NEEDED SCENE_LEAST_(SCENE_CLIP, (SCENE_FRAMES - 1) * SCENE_HOP + SCENE_WINDOW - SCENE_BEFORE + SCENE_AHEAD_)
#define SCENE_LAST_FULL (SCENE_NEEDED + SCENE_BEFORE - SCENE_SPAN) /* where the last window with all its samples may begin */
#define SCENE_TAIL_BEGIN (SCENE_LAST_FULL < 0 ? 0 : SCENE_LEAST_(SCENE_FRAMES, SCENE_LAST_FULL / SCENE_HOP + 1))
#define SCENE_TAIL (SCENE_FRAMES - SCENE_TAIL_BEGIN)
#define SCENE_HEAD SCENE_LEAST_(SCENE_TAIL_BEGIN, (SCENE_BEFORE + SCENE_HOP - 1) / SCENE_HOP)
#define SCENE_SHARED (SCENE_TAIL_BEGIN - SCENE_HEAD)
/* Clips whose first frames are kept at once: those that have begun and are not decided. */
#define SCENE_PENDING (SCENE_HEAD == 0 ? 0 : 1 + SCENE_LAST_FULL / SCENE_DECISION_HOP)
#define SCENE_COLUMNS (SCENE_PENDING * SCENE_HEAD + SCENE_SHARED + SCENE_TAIL)

#if SCENE_COLUMNS > 65535
#error "too many frames are stored; take a larger SCENE_DECISION_HOP"
#endif

/* Clips that do not overlap leave no samples over, so that the net may run in their place. */
#define SCENE_AUDIO_IS_SCRATCH (SCENE_DECISION_HOP >= SCENE_NEEDED)
#define SCENE_AUDIO ((SCENE_SPAN + 3) / 4 * 4) /* samples */
#define SCENE_WORDS(bytes) (((bytes) + 7) / 8)

/* What is alive while a frame is computed. */
typedef struct scene_frame_memory {
    uint64_t front_end[SCENE_MOST_(1, SCENE_WORDS(SCENE_FRONT_END_BYTES))];
#if SCENE_AUDIO_IS_SCRATCH
    int16_t audio[SCENE_AUDIO];
#endif
} scene_frame_memory;

/*
 * The state of one stream; it may be moved or copied as a whole. Its fields are for scene.c and for tests.
 * It has no pointers and no gaps, so that its size is the same on all processors: SCENE_STATE_BYTES in scene_model.h.
 */
typedef struct scene_state {
    union {
        uint64_t net[SCENE_MOST_(1, SCENE_WORDS(SCENE_NET_BYTES))];
        scene_frame_memory frame;
    } scratch;
    int32_t smoothed[SCENE_CLASSES]; /* steps of the int8 logits in 1/65536, without the zero point */
    uint32_t write;                  /* where the next sample goes in `audio` */
    uint32_t to_frame;               /* samples until a window is full */
    uint32_t to_decision;            /* samples until a clip is full */
    uint32_t phase;                  /* the next frame, counted from the begin of the newest clip */
    uint32_t begun;                  /* clips that have begun before the newest, SCENE_FRAMES at most */
    uint32_t newest;                 /* place of the newest clip's first frames */
    uint32_t deciding;               /* place of the first frames of the clip that is decided next */
    uint32_t slot;                   /* place of the next shared frame */
    uint32_t origin;                 /* place that the first frame of the clip that is decided next would have among the shared */
#if !SCENE_AUDIO_IS_SCRATCH
    int16_t audio[SCENE_AUDIO]; /* the last SCENE_SPAN samples, in a ring */
#endif
    uint16_t order[SCENE_FRAMES];                 /* where the clip's frames are in `features` */
    int8_t features[SCENE_COLUMNS * SCENE_MELS];  /* frames: pending clips' first ones, shared ones, the last ones */
    int8_t logits[SCENE_CLASSES];                 /* of the last decision, as the net gave them */
    uint8_t decided;                              /* whether there was a decision */
    uint8_t padding[SCENE_STATE_PADDING];
} scene_state;

#ifdef __cplusplus
extern "C" {
#endif

/* Begin a stream. A zeroed state is not enough. */
void scene_init(scene_state *state);

/*
 * Take samples: any number of them, of one channel at SCENE_SAMPLE_RATE, full scale 32768.
 * Returns the number of decisions that were made. The last of them is what the functions below give; to see each, push at most
 * SCENE_DECISION_HOP samples at a time. At a decision the call takes as long as the net and a few frames, else a frame at most
 * for each SCENE_HOP samples.
 */
size_t scene_push(scene_state *state, const int16_t *samples, size_t n);

/* The class with the largest logit, 0 to SCENE_CLASSES - 1; the first one of equals, and 0 before the first decision. */
int scene_class(const scene_state *state);

/* Samples since the last decision, e.g. to tell when it was made; since the begin before the first one. */
uint32_t scene_samples_since(const scene_state *state);

/* The name of a class in UTF-8; an empty string for a number that is none. */
const char *scene_class_name(int number);

/* The int8 logits of the last decision, [SCENE_CLASSES]: SCENE_OUTPUT_SCALE * (stored - SCENE_OUTPUT_ZERO_POINT) is the logit. */
const int8_t *scene_stored_logits(const scene_state *state);

/* The int8 features of the clip that was decided last: its frame t, [SCENE_MELS]. For tests. */
const int8_t *scene_frame(const scene_state *state, int t);

/*
 * The logits in floating point, smoothed over decisions where SCENE_SMOOTHING is above 0. All 0 before the first decision.
 * It is inline so that a program for a processor without floating point has none of it unless it calls this.
 */
static inline void scene_logits(const scene_state *state, float logits[SCENE_CLASSES]) {
    int i;
    for (i = 0; i < SCENE_CLASSES; i++) {
        logits[i] = (float)state->smoothed[i] * (SCENE_OUTPUT_SCALE / 65536.0f);
    }
}

#ifdef __cplusplus
}
#endif

#endif
