// `new BlockTrainer(description)` in JavaScript (lib/native/types.ts).
#pragma once

#include <napi.h>

namespace casc {

Napi::Function defineBlockTrainer(Napi::Env env);

}  // namespace casc
