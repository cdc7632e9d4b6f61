/* The net on golden features, then the log-mel and the stream on golden samples. */
#include "scene_selftest.h"

#include "scene_golden.h"
#include "scene_net.h"

/* Features that may differ by one step, since the log-mel is rounded: hwasc computed it in another order or another arithmetic. */
#if SCENE_INTEGER
#define MOST_DIFFERENT (2 + SCENE_FRAMES * SCENE_MELS / 100)
#else
#define MOST_DIFFERENT (2 + SCENE_FRAMES * SCENE_MELS / 1000)
#endif
#define LOGIT_STEPS 8 /* that such features may make in a logit */

typedef void (*printer)(const char *text);

static void print_number(printer print, long value) {
    char text[24];
    size_t at = sizeof text - 1;
    unsigned long rest = value < 0 ? 0ul - (unsigned long)value : (unsigned long)value;
    text[at] = '\0';
    do {
        text[--at] = (char)('0' + (int)(rest % 10u));
        rest /= 10u;
    } while (rest > 0);
    if (value < 0) {
        text[--at] = '-';
    }
    print(text + at);
}

/* Tell a difference; returns 1. */
static int differs(printer print, const char *what, long first, long second, long found, long expected) {
    print("FAIL: ");
    print(what);
    print(" ");
    print_number(print, first);
    if (second >= 0) {
        print(", ");
        print_number(print, second);
    }
    print(" is ");
    print_number(print, found);
    print(", expected ");
    print_number(print, expected);
    print("\n");
    return 1;
}

static int distance(int a, int b) {
    return a < b ? b - a : a - b;
}

static int check_logits(const int8_t *logits, int most, const char *what, printer print) {
    int i;
    for (i = 0; i < SCENE_CLASSES; i++) {
        if (distance(logits[i], scene_golden_logits[i]) > most) {
            return differs(print, what, i, -1, logits[i], scene_golden_logits[i]);
        }
    }
    return 0;
}

int scene_selftest(scene_state *state, printer print) {
    const size_t count = sizeof scene_golden_samples / sizeof scene_golden_samples[0];
    size_t at = 0, piece = 1, decisions = 0;
    long different = 0;
    int t, m;
    scene_init(state);
    for (t = 0; t < SCENE_FRAMES; t++) {
        state->order[t] = (uint16_t)t;
    }
    scene_net_run(scene_golden_features, state->order, state->scratch.net, state->logits);
    if (check_logits(state->logits, 0, "the net: logit", print)) {
        return 1;
    }
    scene_init(state);
    while (at < count) {
        piece = piece * 5 % 1009;
        piece = piece < count - at ? piece : count - at;
        if (decisions > 0) {
            return differs(print, "the stream: decisions after samples", (long)at, -1, (long)decisions, 0);
        }
        decisions += scene_push(state, scene_golden_samples + at, piece);
        at += piece;
    }
    if (decisions != 1) {
        return differs(print, "the stream: decisions after samples", (long)at, -1, (long)decisions, 1);
    }
    for (t = 0; t < SCENE_FRAMES; t++) {
        for (m = 0; m < SCENE_MELS; m++) {
            int found = scene_frame(state, t)[m], expected = scene_golden_features[t * SCENE_MELS + m];
            different += found != expected;
            if (distance(found, expected) > 1 || different > MOST_DIFFERENT) {
                return differs(print, "the log-mel: frame, band", t, m, found, expected);
            }
        }
    }
    if (check_logits(state->logits, different > 0 ? LOGIT_STEPS : 0, "the stream: logit", print)) {
        return 1;
    }
    print("net: all logits equal\nlog-mel: ");
    print_number(print, different);
    print(" of ");
    print_number(print, (long)SCENE_FRAMES * SCENE_MELS);
    print(" features differ, by one step\npass\n");
    return 0;
}
