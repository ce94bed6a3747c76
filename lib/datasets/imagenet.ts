/** ImageNet and data sets laid out like it: one folder a class, or one folder of images with a label file. */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { CascError } from '../errors';
import { decodeImage, isImageFile } from './decode';
import { onFile } from './file-error';
import { type LabelledFile, readLabelFile } from './label-file';
import type { OnError, Source, SourceItem } from './source';
import type { DataSpec } from './spec';
import { readSynsets, type Synsets } from './synsets';

const wnidPattern = /^n\d{8}$/;

/**
 * Opens a folder of class folders (`n01440764/…`), or of images with a label file. A split names a subfolder to open
 * instead, or the label file (else `labels.txt` in the folder). Images are sorted by class folder and file name.
 *
 * Classes are numbered by synsets.txt in the folder or the one above, and without it by sorted folder names; then the
 * folders must be as many as `classes` (the network's outputs) where that is known. Unless `labelled`, a flat folder needs
 * no label file.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_DATA where classes or labels are missing or do not fit, ERR_CASC_IMAGE for a
 * labelled image that is missing, unless those are to be skipped: then its `load` throws it.
 */
export async function openImagenet(
  spec: DataSpec,
  classes: number | null,
  labelled: boolean,
  onError: OnError,
): Promise<Source> {
  const { root, labelFile } = await locate(spec);
  const entries = await list(root);
  const wnids = entries.filter((entry) => wnidPattern.test(entry.name) && !entry.isFile()).map((entry) => entry.name);
  const images = entries.filter((entry) => isImageFile(entry.name)).map((entry) => entry.name);
  const common = { name: `imagenet ${basename(resolve(root))}`, channels: 3 as const, recordFiles: [] };
  if (wnids.length > 0 && labelFile === null) {
    const synsets = await readSynsets(root);
    const files = await filesOf(root, wnids, classIndex(root, wnids, synsets, classes));
    return {
      ...common,
      total: files.length,
      classes: synsets?.names.length ?? wnids.length,
      classNames: synsets?.names ?? wnids,
      labels: files,
      notes: synsets ? [] : [`${root} has no synsets.txt: the class index is the rank of the folder name`],
      items: () => items(root, files),
    };
  }
  if (images.length === 0) throw nothingIn(root, entries);
  const files = labelled
    ? await readLabelFile(labelFile ?? join(root, 'labels.txt'), root, images, onError)
    : images.map((id) => ({ id, label: -1 }));
  return {
    ...common,
    total: files.length,
    classes: null,
    classNames: null,
    labels: files,
    notes: [],
    items: () => items(root, files),
  };
}

async function locate({ path, split }: DataSpec): Promise<{ root: string; labelFile: string | null }> {
  if (!(await onFile(path, (file) => stat(file))).isDirectory()) {
    throw new CascError(
      'ERR_CASC_FILE',
      `${path} is a file; expected a folder of class folders (n01440764/…) or of images, its label file as in imagenet:folder#labels.txt`,
      { file: path },
    );
  }
  if (split === null) return { root: path, labelFile: null };
  const named = join(path, split);
  return (await onFile(named, (file) => stat(file))).isDirectory()
    ? { root: named, labelFile: null }
    : { root: path, labelFile: named };
}

/** Entries of a folder in the order of their names' code units, the same on every machine. */
async function list(folder: string): Promise<Dirent[]> {
  const entries = await onFile(folder, (path) => readdir(path, { withFileTypes: true }));
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function classIndex(
  root: string,
  wnids: readonly string[],
  synsets: Synsets | null,
  classes: number | null,
): (wnid: string) => number {
  if (synsets) {
    return (wnid) => {
      const label = synsets.index.get(wnid);
      if (label !== undefined) return label;
      throw new CascError(
        'ERR_CASC_DATA',
        `${join(root, wnid)}: the class ${wnid} is not in ${synsets.file}; add it there in its place, or take the folder out`,
        { file: join(root, wnid) },
      );
    };
  }
  if (classes !== null && classes !== wnids.length) {
    throw new CascError(
      'ERR_CASC_DATA',
      `${root} has ${wnids.length} class folders and no synsets.txt, the network has ${classes} classes: their numbers cannot be known; ` +
        `put synsets.txt (one WordNet id a line, in the network's class order) into ${root} or the folder above it`,
      { file: root },
    );
  }
  return (wnid) => wnids.indexOf(wnid);
}

async function filesOf(
  root: string,
  wnids: readonly string[],
  labelOf: (wnid: string) => number,
): Promise<LabelledFile[]> {
  const files: LabelledFile[] = [];
  for (const wnid of wnids) {
    const label = labelOf(wnid);
    for (const entry of await list(join(root, wnid))) {
      if (isImageFile(entry.name)) files.push({ id: `${wnid}/${entry.name}`, label });
    }
  }
  return files;
}

async function* items(root: string, files: readonly LabelledFile[]): AsyncGenerator<SourceItem> {
  for (const { id, label } of files) {
    const file = join(root, id);
    yield { id, label, file, load: () => decodeImage(file, id) };
  }
}

function nothingIn(root: string, entries: readonly Dirent[]): CascError {
  const folders = entries.filter((entry) => !entry.isFile()).map((entry) => entry.name);
  const hint =
    folders.length > 0
      ? `; it has the folders ${folders.slice(0, 8).join(', ')}: name one as in imagenet:${root}#${folders[0]}`
      : '';
  return new CascError(
    'ERR_CASC_DATA',
    `${root} holds neither class folders (n01440764, …) nor images (.jpg, .jpeg, .png, .webp)${hint}`,
    { file: root },
  );
}
