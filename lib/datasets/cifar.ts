/** CIFAR-10 and CIFAR-100 in the binary version of their authors. */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CascError } from '../errors';
import { ByteReader } from './byte-reader';
import { fileError, onFile } from './file-error';
import type { RawImage } from './raw-image';
import type { Source, SourceItem } from './source';
import type { DataSpec } from './spec';
import { type SplitFiles, type SplitPatterns, splitFiles } from './split';

const side = 32;
const plane = side * side;

interface Layout {
  readonly classes: number;
  /** Label bytes before the pixels; the last of them is the class. */
  readonly labelBytes: number;
  readonly namesFile: string;
  /** Files of a split, in a folder. */
  readonly files: SplitPatterns;
  /** The same for people. */
  readonly examples: Readonly<Record<'test' | 'train', string>>;
  readonly archive: string;
}

const layouts: Readonly<Record<'cifar10' | 'cifar100', Layout>> = {
  cifar10: {
    classes: 10,
    labelBytes: 1,
    namesFile: 'batches.meta.txt',
    files: { test: /^test_batch\.bin$/, train: /^data_batch_\d+\.bin$/ },
    examples: { test: 'test_batch.bin', train: 'data_batch_1.bin, …' },
    archive: 'cifar-10-batches-bin',
  },
  cifar100: {
    classes: 100,
    labelBytes: 2,
    namesFile: 'fine_label_names.txt',
    files: { test: /^test\.bin$/, train: /^train\.bin$/ },
    examples: { test: 'test.bin', train: 'train.bin' },
    archive: 'cifar-100-binary',
  },
};

interface RecordFile {
  readonly path: string;
  readonly records: number;
}

/**
 * Opens a .bin file, or a folder whose split (`test` unless given) names the files. The images of CIFAR-100 carry their
 * fine label.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_DATA where a file is not a whole number of records or the names do not fit,
 * ERR_CASC_ARGUMENT for an unknown split.
 */
export async function openCifar(kind: 'cifar10' | 'cifar100', spec: DataSpec): Promise<Source> {
  const layout = layouts[kind];
  const paths = filesOf(await splitFiles(spec, layout.files), layout);
  const files = await Promise.all(paths.map((path) => checked(path, layout)));
  return {
    name: `${kind} ${files.map((file) => basename(file.path)).join(', ')}`,
    total: files.reduce((sum, file) => sum + file.records, 0),
    channels: 3,
    classes: layout.classes,
    classNames: await namesBeside(paths[0]!, layout),
    labels: null,
    recordFiles: paths,
    notes: [],
    items: () => records(files, layout),
  };
}

function filesOf({ folder, names, split }: SplitFiles, layout: Layout): string[] {
  if (names.length === 0) {
    throw new CascError(
      'ERR_CASC_DATA',
      `${folder} holds no file of the ${split} split (${layout.examples[split]}); expected the folder of the binary version, ${layout.archive}`,
      { file: folder },
    );
  }
  const number = (name: string) => Number(/\d+/.exec(name)?.[0] ?? 0);
  return [...names].sort((a, b) => number(a) - number(b)).map((name) => join(folder, name));
}

async function checked(path: string, layout: Layout): Promise<RecordFile> {
  const { size } = await onFile(path, (file) => stat(file));
  const recordBytes = layout.labelBytes + 3 * plane;
  if (size === 0 || size % recordBytes !== 0) {
    throw new CascError(
      'ERR_CASC_DATA',
      `${path} has ${size} bytes; expected one or more records of ${recordBytes} bytes. The file is truncated or not of the binary version of CIFAR-${layout.classes}; fetch it again`,
      { file: path },
    );
  }
  return { path, records: size / recordBytes };
}

async function namesBeside(path: string, layout: Layout): Promise<string[] | null> {
  const file = join(dirname(path), layout.namesFile);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fileError(file, error);
  }
  const names = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (names.length !== layout.classes) {
    throw new CascError(
      'ERR_CASC_DATA',
      `${file} has ${names.length} class names, expected ${layout.classes}; correct the file or remove it`,
      { file },
    );
  }
  return names;
}

async function* records(files: readonly RecordFile[], layout: Layout): AsyncGenerator<SourceItem> {
  const recordBytes = layout.labelBytes + 3 * plane;
  for (const file of files) {
    const reader = new ByteReader(file.path);
    try {
      for (let index = 0; index < file.records; index++) {
        const bytes = await reader.read(recordBytes);
        if (bytes.length < recordBytes) throw shrunk(file.path, index);
        yield record(bytes, layout, file.path, index);
      }
    } finally {
      await reader.close();
    }
  }
}

function record(bytes: Buffer, layout: Layout, path: string, index: number): SourceItem {
  const id = `${basename(path)}:${index}`;
  const label = bytes[layout.labelBytes - 1]!;
  if (label >= layout.classes) {
    throw new CascError(
      'ERR_CASC_DATA',
      `${path}: record ${index} has label ${label}, expected 0..${layout.classes - 1}; the file is corrupt or not of the binary version of CIFAR-${layout.classes}`,
      { file: path, image: id },
    );
  }
  return { id, label, load: () => interleaved(bytes.subarray(layout.labelBytes)) };
}

function interleaved(planes: Uint8Array): RawImage {
  const data = new Uint8Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    data[3 * i] = planes[i]!;
    data[3 * i + 1] = planes[plane + i]!;
    data[3 * i + 2] = planes[2 * plane + i]!;
  }
  return { width: side, height: side, channels: 3, data };
}

function shrunk(path: string, index: number): CascError {
  return new CascError('ERR_CASC_DATA', `${path} ended at record ${index}; it was changed while it was read`, {
    file: path,
  });
}
