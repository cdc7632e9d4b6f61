/* A model for the tests of the emulator, written by hand. */
#ifndef SCENE_MODEL_H
#define SCENE_MODEL_H
#define SCENE_FRAMES 4
#define SCENE_MELS 8
#define SCENE_CLASSES 3
#define SCENE_NET_BYTES 64
#define SCENE_WINDOW 64
#define SCENE_SPAN 64
#define SCENE_CLIP 256
#define SCENE_FRONT_END_BYTES 256
#endif
