#include <stdint.h>
void scene_net_run(const int8_t *features, const uint16_t *order, void *memory, int8_t *logits);
