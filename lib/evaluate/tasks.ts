/** The kinds of task: which one a net has, and which one a journal is of. */
import type { Dataset } from '../datasets';
import { CascError } from '../errors';
import { classesOf, type Network } from '../graph';
import { CLASSIFICATION, classificationJudge } from './classification';
import { DETECTION, detectionJudge } from './detection';
import type { DetectionOptions } from './detection-evaluation';
import type { JournalHeader } from './header';
import type { Judge, TaskKind } from './task';

/** Whose answers a record holds is known by the header's task alone. */
type AnyTask = TaskKind<unknown, object>;

const TASKS: Readonly<Record<string, AnyTask>> = {
  classification: CLASSIFICATION as unknown as AnyTask,
  detection: DETECTION as unknown as AnyTask,
};

/**
 * What judges a net's outputs. Throws ERR_CASC_UNSUPPORTED where it is neither a classifier nor said to be a detector,
 * ERR_CASC_ARGUMENT where net and data do not belong together.
 */
export function judgeOf(
  network: Network,
  dataset: Dataset,
  { detection, mode }: { detection?: DetectionOptions; mode?: 'full' | 'rest' },
): Judge<unknown> {
  if (detection) return detectionJudge(detection, dataset, mode === 'rest');
  if (dataset.detection) {
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `${dataset.name} is a data set for detection; say what the net's outputs mean, with a decoder (--decoder fastestdet)`,
      { option: 'decoder' },
    );
  }
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
