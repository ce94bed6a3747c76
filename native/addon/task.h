// A task: `count` independent pieces (images) worked on by the pool's threads, settled as a Promise
// on JavaScript's thread. Bodies never touch JavaScript and may throw: the first exception ends the
// task and rejects the Promise.
#pragma once

#include <napi.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <vector>

#include "engine/abort.h"

namespace casc {

struct TaskOptions {
  size_t count = 0;      // pieces
  unsigned threads = 1;  // workers; body's first argument is below this
  AbortFlag abort;       // may be null
  std::function<void(unsigned worker, size_t piece)> body;
  /** Called by each worker that leaves, for whatever reason; may be empty. */
  std::function<void()> left;
  /** Builds the result on JavaScript's thread after all pieces are done. */
  std::function<Napi::Value(Napi::Env)> finish;
  /** JavaScript objects (input and output arrays) that must outlive the task. */
  std::vector<Napi::ObjectReference> pinned;
};

/** The flag in an AbortFlag object; null for undefined. Throws a TypeError for anything else. */
AbortFlag abortFlagFrom(const Napi::Value& value);

/** options.abort; null where there is none. Fails where it is something else than an AbortFlag. */
AbortFlag abortOption(const Napi::Object& options);

/** Starts the task on this environment's pool. */
Napi::Promise startTask(Napi::Env env, TaskOptions options);

/** A JavaScript Error with `code`, from any exception a native body threw. */
Napi::Error toJsError(Napi::Env env, const std::exception& error);

}  // namespace casc
