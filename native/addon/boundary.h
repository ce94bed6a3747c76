// Where C++ meets JavaScript: exceptions of ours become JavaScript errors with a code.
#pragma once

#include <napi.h>

#include <exception>

#include "addon/task.h"

namespace casc {

/** Runs body; any C++ exception becomes a Napi::Error, which node-addon-api throws into JavaScript.
 */
template <class Body>
auto guarded(Napi::Env env, Body body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw toJsError(env, error);
  }
}

}  // namespace casc
