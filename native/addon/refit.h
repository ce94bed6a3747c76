// `new Regression(description)` and `new ClipSearch(description)` in JavaScript
// (lib/native/types.ts).
#pragma once

#include <napi.h>

namespace casc {

Napi::Function defineRegression(Napi::Env env);
Napi::Function defineClipSearch(Napi::Env env);

}  // namespace casc
