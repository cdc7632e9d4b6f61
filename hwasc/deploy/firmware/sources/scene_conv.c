#include <string.h>

#include "scene_kernels.h"
#include "scene_requantize.h"

/* Columns that are copied at a time; hwasc.cost.kernel_scratch counts them likewise. */
#define COLUMNS 4u
#define MORE_COLUMNS 8u /* of a kernel of few inputs */
#define FEW 32u

/* For a few bytes a call of memcpy takes longer than the copy. */
static inline void copy(const int8_t *from, int8_t *to, uint32_t bytes) {
#if !defined(__ARM_ARCH) || defined(__ARM_FEATURE_UNALIGNED)
    for (; bytes >= 4; bytes -= 4, from += 4, to += 4) {
        memcpy(to, from, 4);
    }
#endif
    for (; bytes > 0; bytes--) {
        *to++ = *from++;
    }
}

/* Copies what the kernel covers in one row from column `first` on: in_zero outside the map. */
static void gather(const scene_conv *conv, const int8_t *row, int32_t first, int8_t *patch) {
    const int32_t columns = conv->kernel_columns, end = conv->in_columns;
    const uint32_t channels = conv->in_channels;
    if (row != NULL && first >= 0 && first + columns <= end) {
        copy(row + (uint32_t)first * channels, patch, (uint32_t)columns * channels);
        return;
    }
    for (int32_t k = first; k < first + columns; k++, patch += channels) {
        if (row != NULL && k >= 0 && k < end) {
            copy(row + (uint32_t)k * channels, patch, channels);
        } else {
            memset(patch, conv->in_zero, channels);
        }
    }
}

void scene_conv_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out) {
    const uint32_t width = (uint32_t)conv->kernel_columns * conv->in_channels, depth = conv->kernel_rows * width;
    const uint32_t columns = conv->out_columns, most = depth <= FEW ? MORE_COLUMNS : COLUMNS;
    for (uint32_t column = 0; column < columns; column += most) {
        const uint32_t count = columns - column < most ? columns - column : most;
        int8_t *to = patch;
        for (uint32_t i = 0; i < count; i++) {
            const int32_t first = (int32_t)((column + i) * conv->stride_columns) - conv->pad_columns;
            for (uint32_t r = 0; r < conv->kernel_rows; r++, to += width) {
                gather(conv, rows[r], first, to);
            }
        }
        scene_matrix(conv, patch, depth, depth, count, out + column * conv->out_channels);
    }
}
