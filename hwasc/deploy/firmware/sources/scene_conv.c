#include <string.h>

#include "scene_kernels.h"

/* Copies what the kernel covers in one row: `columns` columns from `first` on, in_zero outside the map. */
static void gather(const scene_conv *conv, const int8_t *row, int32_t first, int8_t *patch) {
    const int32_t columns = conv->kernel_columns, end = conv->in_columns;
    const int32_t from = row == NULL ? columns : first < 0 ? -first : 0;
    const int32_t to = row == NULL || first + columns <= end ? columns : end - first;
    const size_t channels = conv->in_channels;
    if (from > 0 || to < columns) {
        memset(patch, conv->in_zero, (size_t)columns * channels);
    }
    if (to > from) {
        memcpy(patch + (size_t)from * channels, row + (size_t)(first + from) * channels, (size_t)(to - from) * channels);
    }
}

void scene_conv_row(const scene_conv *conv, const int8_t *const rows[], void *patch, int8_t *out) {
    const uint32_t width = (uint32_t)conv->kernel_columns * conv->in_channels, depth = conv->kernel_rows * width;
    int8_t *inputs = patch;
    for (uint32_t column = 0; column < conv->out_columns; column += 2) {
        const uint32_t count = conv->out_columns - column < 2 ? 1 : 2;
        for (uint32_t i = 0; i < count; i++) {
            const int32_t first = (int32_t)((column + i) * conv->stride_columns) - conv->pad_columns;
            for (uint32_t k = 0; k < conv->kernel_rows; k++) {
                gather(conv, rows[k], first, inputs + i * depth + k * width);
            }
        }
        scene_matrix(conv, inputs, depth, depth, count, out + column * conv->out_channels);
    }
}
