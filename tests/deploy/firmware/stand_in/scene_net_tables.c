#include <stdint.h>
extern const int8_t scene_net_weights[1000];
const int8_t scene_net_weights[1000] = {10, 20, 30};
