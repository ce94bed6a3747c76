/** The kinds of task: which one a net has, and which one a journal is of. */
import type { ConvertedNetwork } from '../convert';
import type { Dataset } from '../datasets';
import { CascError } from '../errors';
import { classesOf } from '../graph';
import type { NetworkMetadata } from '../quantize';
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
 * ERR_CASC_ARGUMENT, ERR_CASC_SHAPE and ERR_CASC_DATA where net, data and decoder do not belong together.
 */
export function judgeOf(
  net: Pick<ConvertedNetwork, 'network' | 'metadata'>,
  dataset: Dataset,
  { detection, mode }: { detection?: DetectionOptions; mode?: 'full' | 'rest' },
): Judge<unknown> {
  const { network, metadata } = net;
  checkTask(network.file, metadata, dataset, detection);
  if (detection) return detectionJudge(net, detection, dataset, mode === 'rest');
  return classificationJudge(classesOf(network), network.file);
}

/** What the file records of its task, the data and the options must agree. */
function checkTask(
  file: string,
  { task, decoder }: NetworkMetadata,
  { name, detection: truth }: Dataset,
  detection: DetectionOptions | undefined,
): void {
  if (task === 'classification' && detection) {
    throw disagreeing('detection', `${file} is a classifier, as it records itself: leave out the decoder (--decoder)`);
  }
  if (task === 'classification' && truth) {
    const problem = `${file} is a classifier, as it records itself, and ${name} is a data set for detection`;
    throw disagreeing('data', `${problem}: evaluate it on images with labels`);
  }
  if ((task === 'detection' || detection) && !truth) {
    const problem = `${task === 'detection' ? `${file} is a detector, but ` : ''}${name} does not say what is where in its images`;
    throw disagreeing('data', `${problem}; a detector is evaluated on coco or voc with annotations`);
  }
  if (truth && !detection) {
    const what = decoder
      ? 'ask for its figures with the option detection, as { detection: {} }'
      : "say what the net's outputs mean, with a decoder (--decoder fastestdet)";
    throw disagreeing('decoder', `${name} is a data set for detection; ${what}`);
  }
}

function disagreeing(option: string, problem: string): CascError {
  return new CascError('ERR_CASC_ARGUMENT', problem, { option });
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
