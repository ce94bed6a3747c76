/** Pascal VOC and data sets laid out like it. */
import { stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { CascError } from '../errors';
import { decodeAnnotated, namesIn, readText } from './annotated';
import { decodeImage, isImageFile } from './decode';
import { onFile } from './file-error';
import type { ImageTruth } from './ground-truth';
import { orderedMap } from './ordered';
import type { MissingImage, Source, SourceItem } from './source';
import type { DataSpec } from './spec';
import { readVocFile } from './voc-file';

/** The classes of Pascal VOC, in their order. */
export const vocClasses: readonly string[] =
  'aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person pottedplant sheep sofa train tvmonitor'.split(
    ' ',
  );

/** Annotation files read at a time. */
const READERS = 16;

interface VocOptions {
  labelled: boolean;
  /** Classes of a data set in VOC's layout; VOC's own unless given. */
  classNames?: readonly string[];
  signal?: AbortSignal;
}

/**
 * Opens a folder with `ImageSets/Main/<split>.txt` (`test` unless given), `JPEGImages` and `Annotations`; unless labelled, the
 * annotations are not read. Images are in the order of the list.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_ARGUMENT for a split that is not there, ERR_CASC_DATA for a list with other lines than
 * image ids, and as readVocFile; the signal's reason.
 */
export async function openVoc(spec: DataSpec, { labelled, classNames, signal }: VocOptions): Promise<Source> {
  const { path, split = null } = spec;
  const list = await listOf(path, split ?? 'test');
  const ids = await idsOf(list);
  const folder = join(path, 'JPEGImages');
  const files = await imageFiles(folder);
  const file = (id: string) => join(folder, files.get(id) ?? `${id}.jpg`);
  const names = classNames ?? vocClasses;
  const truths = labelled ? await truthsOf(path, ids, names, signal) : null;
  return {
    name: `voc ${basename(resolve(path))} ${basename(list, '.txt')}`,
    total: ids.length,
    channels: 3,
    classes: names.length,
    classNames: names,
    labels: ids.map((id) => ({ id, label: -1 })),
    ...(truths
      ? { detection: { categories: names.map((name, label) => ({ id: label + 1, name })), images: truths } }
      : {}),
    missing: ids.flatMap((id): MissingImage[] => (files.has(id) ? [] : [{ id, file: file(id), namedIn: list }])),
    recordFiles: [list, ...(labelled ? ids.map((id) => annotationOf(path, id)) : [])],
    notes: [],
    async *items(): AsyncGenerator<SourceItem> {
      for (const [at, id] of ids.entries()) {
        const truth = truths?.[at];
        const size = truth && { width: truth.width, height: truth.height, file: annotationOf(path, id) };
        yield { id, label: -1, load: () => (size ? decodeAnnotated(file(id), id, size) : decodeImage(file(id), id)) };
      }
    },
  };
}

async function listOf(path: string, split: string): Promise<string> {
  const folder = join(path, 'ImageSets', 'Main');
  const lists = ((await namesIn(folder)) ?? []).filter((name) => name.endsWith('.txt'));
  const name = `${basename(split, '.txt')}.txt`;
  if (lists.includes(name)) return join(folder, name);
  if (lists.length > 0) {
    // Beside each list lie VOC's lists by class, aeroplane_test.txt and the like.
    const splits = lists.map((list) => basename(list, '.txt')).filter((list) => !list.includes('_'));
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `${folder} has no split ${JSON.stringify(split)} but ${splits.join(', ')}; name one of them, as in voc:${path}#${splits[0]}`,
      { option: 'data', file: path },
    );
  }
  await onFile(path, (file) => stat(file));
  const below = (await namesIn(path))?.filter((entry) => /^VOC/.test(entry)) ?? [];
  const hint = below.length > 0 ? `; it has ${below.join(', ')}: name one, as in voc:${join(path, below[0]!)}` : '';
  throw new CascError(
    'ERR_CASC_DATA',
    `${path} has no ImageSets/Main/${name}; expected a folder like VOCdevkit/VOC2007${hint}`,
    { file: path },
  );
}

async function idsOf(list: string): Promise<string[]> {
  const lines = (await readText(list)).split('\n').map((line) => line.trim());
  const seen = new Set<string>();
  lines.forEach((id, at) => {
    if (id === '') return;
    const problem = /\s/.test(id) ? 'expected one image id a line' : seen.has(id) ? 'it is listed twice' : null;
    if (problem) {
      throw new CascError('ERR_CASC_DATA', `${list}: line ${at + 1} is ${JSON.stringify(id)}; ${problem}`, {
        file: list,
        image: id,
      });
    }
    seen.add(id);
  });
  return [...seen];
}

/** Image file by id, whatever its extension. */
async function imageFiles(folder: string): Promise<Map<string, string>> {
  const names = ((await namesIn(folder)) ?? []).filter(isImageFile);
  return new Map(names.map((name) => [basename(name, extname(name)), name]));
}

function annotationOf(path: string, id: string): string {
  return join(path, 'Annotations', `${id}.xml`);
}

async function truthsOf(
  path: string,
  ids: readonly string[],
  names: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ImageTruth[]> {
  const labels = new Map(names.map((name, label) => [name, label]));
  async function* each() {
    yield* ids;
  }
  const truths: ImageTruth[] = [];
  for await (const truth of orderedMap(each(), READERS, (id) => readVocFile(annotationOf(path, id), id, labels))) {
    signal?.throwIfAborted();
    truths.push(truth);
  }
  return truths;
}
