// `new DensePlan(description)` in JavaScript (lib/native/types.ts).
#pragma once

#include <napi.h>

namespace casc {

Napi::Function defineDensePlan(Napi::Env env);

}  // namespace casc
