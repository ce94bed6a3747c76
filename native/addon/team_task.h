// A task whose threads work together on one thing at a time.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "addon/task.h"
#include "engine/team.h"

namespace casc {

/** Runs body once, with a team of `threads`; `finish` then makes the result on JavaScript's thread.
 * `pinned` outlives the task. */
inline Napi::Promise startTeamTask(Napi::Env env, unsigned threads, AbortFlag abort,
                                   std::function<void(Team&)> body,
                                   std::function<Napi::Value(Napi::Env)> finish,
                                   std::vector<Napi::ObjectReference> pinned = {}) {
  auto team = std::make_shared<Team>(threads);
  TaskOptions task;
  task.count = threads;
  task.threads = threads;
  task.abort = std::move(abort);
  task.body = [team, body = std::move(body)](unsigned, size_t piece) {
    if (piece > 0) return team->help(unsigned(piece));
    body(*team);
    team->dismiss();
  };
  task.left = [team] { team->dismiss(); };
  task.finish = std::move(finish);
  task.pinned = std::move(pinned);
  return startTask(env, std::move(task));
}

}  // namespace casc
