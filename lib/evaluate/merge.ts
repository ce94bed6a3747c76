/** Journals of the shards of one evaluation, as one. */
import { argumentError, CascError } from '../errors';
import { type AnyEvaluation, Figures, type FiguresOptions } from './figures';
import { inShard, type JournalHeader } from './header';
import { differences } from './header-difference';
import { type JournalFile, readJournal } from './journal-reader';

/**
 * The evaluation that the journals of its shards amount to: the same as of one run over all images.
 * Throws ERR_CASC_FILE; ERR_CASC_JOURNAL where they are not of one evaluation, an image is in two of them, or in none; rejects with
 * the signal's reason.
 *
 * @example
 * const { images, snn } = await mergeJournals(['a.jsonl', 'b.jsonl']);
 */
export async function mergeJournals(files: readonly string[], options: FiguresOptions = {}): Promise<AnyEvaluation> {
  if (!Array.isArray(files) || files.length === 0) throw argumentError('files', 'one journal or more', files);
  const journals: JournalFile[] = [];
  for (const file of files) journals.push(await readJournal(file));
  const header = commonHeader(files, journals);
  const figures = new Figures(header, options);
  /** By position, the file that has it, counted from 1. */
  const source = new Uint32Array(header.data.images);
  for (const [i, { records }] of journals.entries()) {
    for await (const record of records) {
      options.signal?.throwIfAborted();
      const other = source[record.at]!;
      if (other > 0) throw twice(record.id, files[other - 1]!, files[i]!);
      source[record.at] = i + 1;
      figures.add(record);
    }
  }
  checkWhole(files, journals, source);
  return figures.evaluation();
}

function commonHeader(files: readonly string[], journals: readonly JournalFile[]): JournalHeader {
  const headers = journals.map(({ header }) => header);
  const [first, ...others] = headers as [JournalHeader, ...JournalHeader[]];
  others.forEach((header, i) => {
    const differing = differences(first, header);
    if (differing === '') return;
    throw new CascError(
      'ERR_CASC_JOURNAL',
      `${files[0]} and ${files[i + 1]} are of two evaluations: ${differing.replaceAll(', now ', ' and ')}`,
      { file: files[i + 1]! },
    );
  });
  const isa = [...new Set(headers.map(({ model }) => model.isa))].join(', ');
  return { ...first, model: { ...first.model, isa }, shard: null };
}

function twice(id: string, a: string, b: string): CascError {
  return new CascError('ERR_CASC_JOURNAL', `image ${id} is in ${a} and in ${b}; leave one of them out`, { file: b });
}

function checkWhole(files: readonly string[], journals: readonly JournalFile[], source: Uint32Array): void {
  const missing = source.reduce((count, from) => count + Number(from === 0), 0);
  if (missing === 0) return;
  const at = source.indexOf(0);
  const owner = journals.findIndex(({ header: { shard } }) => shard && inShard(at, shard));
  const shards = [...new Set(journals.map(({ header: { shard } }) => shard?.of))];
  const where =
    owner >= 0
      ? `${files[owner]} is not complete: run its command again to go on`
      : shards.length === 1 && shards[0] !== undefined
        ? `the journal of shard ${(at % shards[0]) + 1}/${shards[0]} is missing`
        : 'run the evaluation again to go on';
  throw new CascError(
    'ERR_CASC_JOURNAL',
    `${missing} of ${source.length} images have no record, the first is number ${at + 1}: ${where}`,
    { file: files[Math.max(0, owner)]! },
  );
}
