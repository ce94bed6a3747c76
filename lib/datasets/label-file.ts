/** The label file of a flat folder of images. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CascError } from '../errors';
import { onFile } from './file-error';
import type { OnError } from './source';

export interface LabelledFile {
  /** Path below the root. */
  readonly id: string;
  readonly label: number;
}

/**
 * `names` (sorted) with their labels, in their order. The file has either one line `filename label` for each image, or one label a
 * line for the images in sorted order. Labels are zero-based class indices; empty lines do not count.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_DATA for lines of neither form, a wrong number of them, an image without a label
 * or with two, ERR_CASC_IMAGE for a label without an image, unless those are to be skipped: then it is in the list like the others.
 */
export async function readLabelFile(
  file: string,
  folder: string,
  names: readonly string[],
  onError: OnError,
): Promise<LabelledFile[]> {
  const text = await onFile(file, (path) => readFile(path, 'utf8'));
  const lines = text
    .split('\n')
    .map((line, index) => ({ number: index + 1, text: line.trim() }))
    .filter((line) => line.text !== '');
  const fail = (problem: string) => new CascError('ERR_CASC_DATA', `${file}: ${problem}`, { file });
  if (lines.length > 0 && lines.every((line) => /^\d+$/.test(line.text))) {
    if (lines.length !== names.length) {
      throw fail(
        `${lines.length} labels for the ${names.length} images of ${folder}; expected one a line for each image in sorted order`,
      );
    }
    return lines.map((line, i) => ({ id: names[i]!, label: Number(line.text) }));
  }
  const labels = new Map<string, number>();
  for (const line of lines) {
    const [, name, label] = /^(.+?)\s+(\d+)$/.exec(line.text) ?? [];
    if (name === undefined) {
      throw fail(
        `line ${line.number} is ${JSON.stringify(line.text.slice(0, 80))}; expected "filename label", or one label a line throughout (zero-based class indices)`,
      );
    }
    if (labels.has(name)) throw fail(`line ${line.number} labels ${name} a second time; remove one of the lines`);
    labels.set(name, Number(label));
  }
  const known = new Set(names);
  const missing = [...labels.keys()].filter((name) => !known.has(name));
  if (missing.length > 0 && onError === 'fail') {
    const name = missing[0]!;
    throw new CascError(
      'ERR_CASC_IMAGE',
      `${join(folder, name)} does not exist or is no .jpg, .jpeg, .png or .webp, but ${file} has a label for it; add the image or remove the line`,
      { file, image: name },
    );
  }
  const all = [...names, ...missing].sort((a, b) => (a < b ? -1 : 1));
  return all.map((id) => {
    const label = labels.get(id);
    if (label === undefined) throw fail(`image ${id} of ${folder} has no line; add its label or remove the image`);
    return { id, label };
  });
}
