/*
 * A recording to its scenes: a WAV file or raw int16 samples (little-endian, one channel) from standard input.
 *
 *     scene_host < recording.wav
 *
 * Writes a line for each decision: the time in seconds at which it was made, the scene, its logit.
 */
#include <stdio.h>
#include <string.h>
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#endif

#include "scene.h"

#define FRAMES 64 /* that are read at a time; fewer than SCENE_DECISION_HOP, or decisions would be missed */
#define CHANNELS 16
#define PCM 1u
#define EXTENSIBLE 0xFFFEu

typedef struct recording {
    unsigned channels;
    unsigned long left; /* bytes of samples */
    uint8_t begin[4];   /* that were read to see what it is */
    unsigned begun;     /* how many of them are samples */
} recording;

static int fail(const char *message) {
    fprintf(stderr, "scene_host: %s\n", message);
    return 1;
}

static unsigned long number(const uint8_t *bytes, unsigned count) {
    unsigned long value = 0;
    while (count-- > 0) {
        value = value << 8 | bytes[count];
    }
    return value;
}

static int skip(unsigned long bytes) {
    while (bytes-- > 0) {
        if (getchar() == EOF) {
            return 0;
        }
    }
    return 1;
}

/* Read a WAV file's header up to its samples; returns 1 for what cannot be read. */
static int open_wav(recording *from) {
    uint8_t head[8], format[16];
    int known = 0;
    if (fread(head, 1, 8, stdin) != 8 || memcmp(head + 4, "WAVE", 4) != 0) {
        return fail("this is no WAV file");
    }
    while (fread(head, 1, 8, stdin) == 8) {
        unsigned long size = number(head + 4, 4);
        if (memcmp(head, "data", 4) == 0 && known) {
            from->left = size;
            return 0;
        }
        if (memcmp(head, "fmt ", 4) == 0 && size >= 16) {
            if (fread(format, 1, 16, stdin) != 16) {
                break;
            }
            from->channels = (unsigned)number(format + 2, 2);
            if ((number(format, 2) != PCM && number(format, 2) != EXTENSIBLE) || number(format + 14, 2) != 16) {
                return fail("the WAV file must have 16-bit PCM samples");
            }
            if (from->channels < 1 || from->channels > CHANNELS) {
                return fail("the WAV file must have 1 to 16 channels");
            }
            if (number(format + 4, 4) != SCENE_SAMPLE_RATE) {
                fprintf(stderr, "scene_host: the WAV file has %lu samples a second, the model takes %d\n",
                        number(format + 4, 4), SCENE_SAMPLE_RATE);
                return 1;
            }
            known = 1;
            size -= 16;
        }
        if (!skip(size + (size & 1u))) {
            break;
        }
    }
    return fail("the WAV file ends before its samples");
}

/* Read up to FRAMES samples, the mean of the channels; returns how many. */
static size_t read_samples(recording *from, int16_t *samples) {
    uint8_t bytes[FRAMES * CHANNELS * 2];
    size_t width = 2u * from->channels, wanted = FRAMES * width, count, i;
    if (wanted > from->left) {
        wanted = from->left;
    }
    memcpy(bytes, from->begin, from->begun);
    count = from->begun + fread(bytes + from->begun, 1, wanted - from->begun, stdin);
    from->begun = 0;
    from->left -= (unsigned long)count;
    for (i = 0; i < count / width; i++) {
        long sum = 0;
        unsigned c;
        for (c = 0; c < from->channels; c++) {
            long value = (long)number(bytes + i * width + 2u * c, 2);
            sum += value < 32768 ? value : value - 65536;
        }
        samples[i] = (int16_t)(sum / (long)from->channels);
    }
    return count / width;
}

int main(void) {
    static scene_state state;
    recording from = {1, ~0ul, {0, 0, 0, 0}, 0};
    int16_t samples[FRAMES];
    size_t n;
    unsigned long taken = 0;
#ifdef _WIN32
    _setmode(_fileno(stdin), _O_BINARY);
#endif
    from.begun = (unsigned)fread(from.begin, 1, 4, stdin);
    if (from.begun == 4 && memcmp(from.begin, "RIFF", 4) == 0) {
        from.begun = 0;
        if (open_wav(&from)) {
            return 1;
        }
    }
    scene_init(&state);
    while ((n = read_samples(&from, samples)) > 0) {
        size_t at = 0;
        while (at < n) {
            size_t piece = n - at < SCENE_DECISION_HOP ? n - at : SCENE_DECISION_HOP;
            size_t decisions = scene_push(&state, samples + at, piece);
            at += piece;
            if (decisions > 0) {
                float logits[SCENE_CLASSES];
                int scene = scene_class(&state);
                scene_logits(&state, logits);
                printf("%.3f\t%s\t%.3f\n",
                       (double)(taken + (unsigned long)at - scene_samples_since(&state)) / SCENE_SAMPLE_RATE,
                       scene_class_name(scene), (double)logits[scene]);
            }
        }
        taken += (unsigned long)n;
    }
    return 0;
}
