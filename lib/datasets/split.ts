/** The files of a split in a folder. */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { CascError } from '../errors';
import { onFile } from './file-error';
import type { DataSpec } from './spec';

/** Names of the files of each split. */
export type SplitPatterns = Readonly<Record<'test' | 'train', RegExp>>;

export interface SplitFiles {
  readonly folder: string;
  /** Names in the folder, sorted; empty where nothing matches. */
  readonly names: readonly string[];
  readonly split: 'test' | 'train';
  /** True where the path named this one file. */
  readonly single: boolean;
}

/**
 * What `spec` names: one file, or the files of a split of a folder (`test` unless given).
 *
 * @throws CascError ERR_CASC_FILE where the path is not there, ERR_CASC_ARGUMENT for an unknown split or one of a file.
 */
export async function splitFiles({ kind, path, split }: DataSpec, patterns: SplitPatterns): Promise<SplitFiles> {
  const place = { option: 'data', file: path };
  if (!(await onFile(path, (file) => stat(file))).isDirectory()) {
    if (split === null) return { folder: dirname(path), names: [basename(path)], split: 'test', single: true };
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `${path} is one file and has no split ${JSON.stringify(split)}; leave #${split} out or give the folder`,
      place,
    );
  }
  const chosen = split ?? 'test';
  if (chosen !== 'test' && chosen !== 'train') {
    throw new CascError(
      'ERR_CASC_ARGUMENT',
      `${kind} has no split ${JSON.stringify(split)}; expected test or train, as in ${kind}:${path}#test`,
      place,
    );
  }
  const all = await onFile(path, (folder) => readdir(folder));
  const names = all.filter((name) => patterns[chosen].test(name)).sort();
  return { folder: path, names, split: chosen, single: false };
}
