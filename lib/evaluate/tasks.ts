/** The kinds of task: which one a net has, and which one a journal is of. */
import { CascError } from '../errors';
import { classesOf, type Network } from '../graph';
import { CLASSIFICATION, classificationJudge } from './classification';
import type { JournalHeader } from './header';
import type { Judge, TaskKind } from './task';

/** Whose answers a record holds is known by the header's task alone. */
type AnyTask = TaskKind<unknown, object>;

const TASKS: Readonly<Record<string, AnyTask>> = { classification: CLASSIFICATION as unknown as AnyTask };

/** What judges a net's outputs. Throws ERR_CASC_UNSUPPORTED where its outputs are those of no known task. */
export function judgeOf(network: Network): Judge<unknown> {
  return classificationJudge(classesOf(network), network.file);
}

/** Throws ERR_CASC_JOURNAL for a task that this version does not know. */
export function taskOf({ task: { name } }: JournalHeader): AnyTask {
  const kind = TASKS[name];
  if (kind) return kind;
  throw new CascError(
    'ERR_CASC_JOURNAL',
    `the journal is of the task ${JSON.stringify(name)}; this version knows ${Object.keys(TASKS).join(', ')}`,
  );
}
