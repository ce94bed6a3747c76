/** The kinds of task, by the name that a journal's header gives. */
import { CascError } from '../errors';
import { CLASSIFICATION } from './classification';
import type { JournalHeader } from './header';
import type { TaskKind } from './task';

/** Whose answers a record holds is known by the header's task alone. */
type AnyTask = TaskKind<unknown, object>;

const TASKS: Readonly<Record<string, AnyTask>> = { classification: CLASSIFICATION as unknown as AnyTask };

/** Throws ERR_CASC_JOURNAL for a task that this version does not know. */
export function taskOf({ task: { name } }: JournalHeader): AnyTask {
  const kind = TASKS[name];
  if (kind) return kind;
  throw new CascError(
    'ERR_CASC_JOURNAL',
    `the journal is of the task ${JSON.stringify(name)}; this version knows ${Object.keys(TASKS).join(', ')}`,
  );
}
