/** The order of ImageNet's classes. */
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CascError } from '../errors';
import { fileError } from './file-error';

export interface Synsets {
  readonly file: string;
  /** Class index of each WordNet id. */
  readonly index: ReadonlyMap<string, number>;
  /** Name of each class: what follows the id on its line, else the id. */
  readonly names: readonly string[];
}

/**
 * Reads `synsets.txt` of `root` or of the folder above it: a WordNet id a line, its line index the class index, a name after
 * it where wanted. Null where neither has one.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_DATA for a line without an id or an id given twice.
 */
export async function readSynsets(root: string): Promise<Synsets | null> {
  for (const folder of [root, dirname(resolve(root))]) {
    const file = join(folder, 'synsets.txt');
    try {
      return parse(file, await readFile(file, 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw fileError(file, error);
    }
  }
  return null;
}

function parse(file: string, text: string): Synsets {
  const index = new Map<string, number>();
  const names: string[] = [];
  const lines = text.trimEnd().split('\n');
  for (const [at, line] of lines.entries()) {
    const [, wnid, name] = /^(n\d{8})(?:\s+(.*?))?\s*$/.exec(line) ?? [];
    if (wnid === undefined || index.has(wnid)) {
      const problem = wnid === undefined ? `is ${JSON.stringify(line.slice(0, 80))}` : `gives ${wnid} a second time`;
      throw new CascError(
        'ERR_CASC_DATA',
        `${file}: line ${at + 1} ${problem}; expected one WordNet id a line, such as n01440764, each once and in class order`,
        { file },
      );
    }
    index.set(wnid, names.length);
    names.push(name || wnid);
  }
  return { file, index, names };
}
