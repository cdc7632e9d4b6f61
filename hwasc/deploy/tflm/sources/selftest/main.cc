// The self-test: a clip's features and logits against those that hwasc computed. Prints pass, or the first difference.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "student.h"
#include "student_golden.h"
#include "student_operators.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace {

alignas(16) std::uint8_t arena[student::kArenaBytes];
alignas(8) std::uint8_t front_end[student::kFrontEndBytes];
constexpr int kFeatures = student::kMels * student::kFrames;

// The log-mel may round a value in a hundred to the next step, and no further.
bool FeaturesFit(const std::int8_t* found) {
  int others = 0;
  for (int i = 0; i < kFeatures; i++) {
    const int expected = student::golden::kFeatures[i];
    if (std::abs(found[i] - expected) > 1 || (found[i] != expected && ++others > kFeatures / 100)) {
      std::printf("features: mel %d of frame %d is %d, expected %d\n", i / student::kFrames, i % student::kFrames, found[i],
                  expected);
      return false;
    }
  }
  std::printf("features: %d of %d are a step from hwasc's\n", others, kFeatures);
  return true;
}

bool LogitsFit(const std::int8_t* found) {
  for (int i = 0; i < student::kClasses; i++) {
    if (found[i] != student::golden::kLogits[i]) {
      std::printf("logits: %d of %s, expected %d\n", found[i], student::kClassNames[i], student::golden::kLogits[i]);
      return false;
    }
  }
  return true;
}

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
  student_features(student::golden::kSamples, front_end, input);
  if (!FeaturesFit(input)) {
    return 1;
  }
  for (int i = 0; i < kFeatures; i++) {
    input[i] = student::golden::kFeatures[i];
  }
  if (interpreter.Invoke() != kTfLiteOk) {
    std::puts("the net failed");
    return 1;
  }
  if (!LogitsFit(interpreter.output(0)->data.int8)) {
    return 1;
  }
  std::puts("pass");
  return 0;
}
