/** COCO's annotation file: read, checked, and turned into ground truth. */
import { constants } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { CascError, messageOf } from '../errors';
import { readText } from './annotated';
import { onFile } from './file-error';
import type { GroundTruth, TruthObject } from './ground-truth';

const side = z.number().min(0, 'expected a size of 0 or more');

const imageSchema = z.object({
  id: z.int(),
  file_name: z.string().min(1),
  width: z.int().positive(),
  height: z.int().positive(),
});

const categorySchema = z.object({ id: z.int(), name: z.string().min(1) });

const annotationSchema = z.object({
  image_id: z.int(),
  category_id: z.int(),
  bbox: z.tuple([z.number(), z.number(), side, side]),
  area: side.optional(),
  iscrowd: z.union([z.boolean(), z.literal(0), z.literal(1)]).optional(),
});

const fileSchema = z.object({
  images: z.array(z.unknown()),
  annotations: z.array(z.unknown()),
  categories: z.array(z.unknown()).min(1, 'expected at least one category'),
});

/** So many problems are spelt out; the others are counted. */
const SHOWN = 5;

/** Gathers what is wrong in a file, so that it is mended in one go. */
class Problems {
  readonly #file: string;
  readonly #shown: string[] = [];
  #count = 0;
  #image: string | undefined;

  constructor(file: string) {
    this.#file = file;
  }

  add(where: string, what: string, image?: string): void {
    if (this.#count++ < SHOWN) this.#shown.push(`${where}: ${what}`);
    this.#image ??= image;
  }

  /** The entry if it fits; else undefined, and the problem is kept. */
  parse<T>(schema: z.ZodType<T>, entry: unknown, where: () => string, image?: string): T | undefined {
    const result = schema.safeParse(entry);
    if (result.success) return result.data;
    const issues = result.error.issues.map(({ path, message }) => [...path, message].join(': '));
    this.add(where(), issues.join('; '), image);
    return undefined;
  }

  throwIfAny(): void {
    if (this.#count === 0) return;
    const more = this.#count > SHOWN ? `; and ${this.#count - SHOWN} more` : '';
    throw new CascError(
      'ERR_CASC_DATA',
      `${this.#file} is no sound COCO annotation file: ${this.#shown.join('; ')}${more}. Expected the layout of instances_val2017.json`,
      { file: this.#file, ...(this.#image === undefined ? {} : { image: this.#image }) },
    );
  }
}

/**
 * Images by rising id, as COCO's own evaluator takes them; classes by rising category id. Of an image the id is its
 * `file_name`. `area` defaults to the box's, `iscrowd` to 0.
 *
 * @throws CascError ERR_CASC_FILE, ERR_CASC_DATA where the file is no JSON or its entries are wrong or do not fit together.
 */
export async function readCocoFile(file: string): Promise<GroundTruth> {
  const text = await textOf(file);
  const problems = new Problems(file);
  const content = problems.parse(fileSchema, jsonOf(text, file), () => 'the file');
  problems.throwIfAny();
  const { images: listed, annotations, categories: named } = content!;

  const categories = named
    .flatMap((entry, at) => problems.parse(categorySchema, entry, () => `categories[${at}]`) ?? [])
    .sort((a, b) => a.id - b.id);
  const labels = new Map(categories.map(({ id }, label) => [id, label]));
  if (labels.size < categories.length) problems.add('categories', 'an id occurs twice');

  const entries = listed
    .flatMap((entry, at) => problems.parse(imageSchema, entry, () => `images[${at}]`, nameOf(entry)) ?? [])
    .sort((a, b) => a.id - b.id);
  const images = new Map<number, { id: string; width: number; height: number; objects: TruthObject[] }>();
  const seen = new Set<string>();
  for (const { id, file_name: name, width, height } of entries) {
    if (images.has(id)) problems.add(`image ${name}`, `its id ${id} is another image's too`, name);
    if (seen.has(name)) problems.add(`image ${name}`, 'it is listed twice', name);
    seen.add(name);
    images.set(id, { id: name, width, height, objects: [] });
  }
  problems.throwIfAny(); // before annotations are held against what is wrong itself

  annotations.forEach((entry, at) => {
    const image = images.get((entry as { image_id?: number } | null)?.image_id ?? Number.NaN);
    const where = () => `annotations[${at}]${numberOf(entry)}${image ? ` of image ${image.id}` : ''}`;
    const annotation = problems.parse(annotationSchema, entry, where, image?.id);
    if (!annotation) return;
    const { bbox, category_id: category, area, iscrowd } = annotation;
    const label = labels.get(category);
    if (!image) problems.add(where(), `no image has the id ${annotation.image_id}`);
    else if (label === undefined) problems.add(where(), `no category has the id ${category}`, image.id);
    else {
      const crowd = Boolean(iscrowd);
      image.objects.push({ label, box: bbox, area: area ?? bbox[2] * bbox[3], crowd, difficult: false });
    }
  });
  problems.throwIfAny();
  return { categories, images: [...images.values()] };
}

async function textOf(file: string): Promise<string> {
  const { size } = await onFile(file, (path) => stat(path));
  if (size > constants.MAX_STRING_LENGTH) {
    throw new CascError(
      'ERR_CASC_DATA',
      `${file} has ${size} bytes, more than the ${constants.MAX_STRING_LENGTH} that Node.js reads as one text; split it, or leave out the segmentations`,
      { file },
    );
  }
  return readText(file);
}

function jsonOf(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CascError('ERR_CASC_DATA', `${file} is not JSON: ${messageOf(error)}`, { file }, { cause: error });
  }
}

function nameOf(entry: unknown): string | undefined {
  const name = (entry as { file_name?: unknown } | null)?.file_name;
  return typeof name === 'string' ? name : undefined;
}

function numberOf(entry: unknown): string {
  const id = (entry as { id?: unknown } | null)?.id;
  return id === undefined ? '' : ` (id ${String(id)})`;
}
