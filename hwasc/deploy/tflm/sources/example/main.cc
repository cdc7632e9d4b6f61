// A whole program: samples from standard input (int16 as this machine has them, one channel, kSampleRate Hz), a line for each clip.
#include <cstdint>
#include <cstdio>

#include "student.h"
#include "student_operators.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace {

alignas(16) std::uint8_t arena[student::kArenaBytes];
alignas(8) std::uint8_t front_end[student::kFrontEndBytes];
std::int16_t samples[student::kClipSamples];

}  // namespace

int main() {
  static student::OpResolver resolver;
  if (student::RegisterOperators(resolver) != kTfLiteOk) {
    std::puts("the operators cannot be registered");
    return 1;
  }
  static tflite::MicroInterpreter interpreter(tflite::GetModel(student::kModel), resolver, arena, sizeof(arena));
  if (interpreter.AllocateTensors() != kTfLiteOk) {
    std::puts("the arena is too small; was TensorFlow Lite Micro built with other kernels than --kernels named?");
    return 1;
  }
  std::int8_t* const input = interpreter.input(0)->data.int8;
  const std::size_t all = sizeof(samples) / sizeof(samples[0]);
  while (std::fread(samples, sizeof(samples[0]), all, stdin) == all) {
    student_features(samples, front_end, input);
    if (interpreter.Invoke() != kTfLiteOk) {
      std::puts("the net failed");
      return 1;
    }
    const std::int8_t* const logits = interpreter.output(0)->data.int8;
    int best = 0;
    for (int i = 1; i < student::kClasses; i++) {
      best = logits[i] > logits[best] ? i : best;
    }
    const float logit = static_cast<float>(logits[best] - student::kOutputZeroPoint) * student::kOutputScale;
    std::printf("%s %.3f\n", student::kClassNames[best], static_cast<double>(logit));
  }
  return 0;
}
