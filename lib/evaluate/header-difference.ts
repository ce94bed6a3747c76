/** Whether two headers are of one evaluation. */
import { CascError } from '../errors';
import type { JournalHeader } from './header';

/** What makes records differ, in words. Paths, the machine and its instruction set do not. */
function essentials(header: JournalHeader): Record<string, unknown> {
  const { model, ann, data, settings, task, macs, layers, mode, version } = header;
  const { name, ...own } = task;
  const { scaling, grid, schedule, certify, certifyAsked, verify } = settings;
  return {
    'version of casc-snn': version,
    'model (SHA-256)': model.hash,
    'fp32 net (SHA-256)': ann?.hash ?? null,
    arithmetic: model.format,
    levels: model.levels,
    task: name,
    ...flat(own),
    mode,
    'data set': data.name,
    'number of images': data.images,
    'data (SHA-256 of ids, labels and record files)': data.hash,
    'class names': data.classNames,
    'input scaling': scaling,
    "input's rounding": grid,
    ...schedule,
    certify: certify === null ? 'all' : certify,
    'certificate asked for': certifyAsked,
    verify,
    layers,
    'multiply-adds': macs,
  };
}

/** Of what a task has settings within one of its settings: each by its own name. */
function flat(settings: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([key, value]) =>
      value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : [[key, value]],
    ),
  );
}

/** The first three that differ, as "levels 8, now 16"; empty where none does. */
export function differences(before: JournalHeader, now: JournalHeader): string {
  const [a, b] = [essentials(before), essentials(now)];
  return Object.keys(b)
    .filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name]))
    .slice(0, 3)
    .map((name) => `${name} ${show(a[name])}, now ${show(b[name])}`)
    .join('; ');
}

/** Throws ERR_CASC_JOURNAL that says what differs. */
export function checkSame(file: string, before: JournalHeader, now: JournalHeader): void {
  const shards = [before, now].map(({ shard }) => (shard ? `${shard.index}/${shard.of}` : 'none'));
  const shard = shards[0] === shards[1] ? '' : `shard ${shards[0]}, now ${shards[1]}`;
  const differing = [differences(before, now), shard].filter(Boolean).join('; ');
  if (differing === '') return;
  throw new CascError(
    'ERR_CASC_JOURNAL',
    `${file} is the journal of another evaluation: ${differing}. Run it as it was begun, or name another file`,
    { file },
  );
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'none';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
