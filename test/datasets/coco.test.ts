import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { openDataset } from '../../lib/datasets';
import { caught, collect, temporaryFolder } from './helpers';

const folder = temporaryFolder();
let made = 0;

/** Three images of 6x4 pixels; b.png has no object. */
const content = () => ({
  images: [
    { id: 9, file_name: 'a.png', width: 6, height: 4 },
    { id: 2, file_name: 'c.png', width: 6, height: 4, license: 1 },
    { id: 7, file_name: 'b.png', width: 6, height: 4 },
  ],
  categories: [
    { id: 90, name: 'brush', supercategory: 'indoor' },
    { id: 3, name: 'car' },
  ],
  annotations: [
    { id: 1, image_id: 9, category_id: 90, bbox: [0.5, 1, 2.25, 3], area: 4.5, iscrowd: 0, segmentation: [[0, 0]] },
    {
      id: 2,
      image_id: 2,
      category_id: 3,
      bbox: [0, 0, 6, 4],
      iscrowd: 1,
      segmentation: { counts: [24], size: [4, 6] },
    },
    { id: 3, image_id: 9, category_id: 3, bbox: [1, 1, 2, 0] },
  ],
});

type Content = ReturnType<typeof content>;

/** A folder of the three images below `under`, each of one red, and annotation files by name. */
async function dataSet(under: string, files: Record<string, unknown>): Promise<string> {
  const root = join(folder, String(made++));
  for (const [red, name] of ['a.png', 'b.png', 'c.png'].entries()) {
    const file = join(root, under, name);
    mkdirSync(dirname(file), { recursive: true });
    const image = sharp({ create: { width: 6, height: 4, channels: 3, background: { r: red, g: 0, b: 0 } } });
    writeFileSync(file, await image.png().toBuffer());
  }
  mkdirSync(join(root, 'annotations'), { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(root, 'annotations', name), typeof text === 'string' ? text : JSON.stringify(text));
  }
  return root;
}

const truth = {
  categories: [
    { id: 3, name: 'car' },
    { id: 90, name: 'brush' },
  ],
  images: [
    {
      id: 'c.png',
      width: 6,
      height: 4,
      objects: [{ label: 0, box: [0, 0, 6, 4], area: 24, crowd: true, difficult: false }],
    },
    { id: 'b.png', width: 6, height: 4, objects: [] },
    {
      id: 'a.png',
      width: 6,
      height: 4,
      objects: [
        { label: 1, box: [0.5, 1, 2.25, 3], area: 4.5, crowd: false, difficult: false },
        { label: 0, box: [1, 1, 2, 0], area: 0, crowd: false, difficult: false },
      ],
    },
  ],
};

test.each([
  ['val2017', 'instances_val2017.json', '#val2017'],
  ['val2017', 'instances_val2017.json', ''],
  ['images/val2017', 'instances_val2017.json', '#val2017'],
  ['images', 'instances_train2017.json', ''],
  ['images', 'train.json', '#train'],
  ['', 'train.json', '#train.json'],
  ['images', 'any name.json', '/annotations/any name.json'],
])('images in "%s", annotations/%s, opened as coco:root%s', async (under, name, suffix) => {
  const data = await openDataset(`coco:${await dataSet(under, { [name]: content() })}${suffix}`, {
    scaling: { scale: 1 },
  });
  expect(data).toMatchObject({
    name: `coco ${name}`,
    kind: 'coco',
    size: 3,
    classes: 2,
    classNames: ['car', 'brush'],
    shape: { c: 3, h: 4, w: 6 },
  });
  expect(data.detection).toEqual(truth);
  const batches = await collect(data.batches(2));
  const ids = batches.flatMap((batch) => batch.ids);
  expect(ids).toEqual(['c.png', 'b.png', 'a.png']);
  // The red of each image says which file was decoded.
  expect(batches.flatMap(({ images, count }) => Array.from({ length: count }, (_, i) => images[i * 72]))).toEqual([
    2, 1, 0,
  ]);
});

test('a byte order mark does not matter', async () => {
  const root = await dataSet('images', { 'instances_val.json': `\uFEFF${JSON.stringify(content())}` });
  expect((await openDataset(`coco:${root}`)).size).toBe(3);
});

test('the ground truth follows limit and spread', async () => {
  const root = await dataSet('images', { 'instances_val.json': content() });
  const some = await openDataset(`coco:${root}`, { limit: 2, spread: true });
  const [batch] = await collect(some.batches(2));
  expect(some.detection!.images.map(({ id }) => id)).toEqual(batch!.ids);
  expect((await openDataset(`coco:${root}`, { limit: 1 })).detection!.images).toEqual(truth.images.slice(0, 1));
});

test('of COCO’s files for several tasks the instances are taken; of several splits one must be named', async () => {
  const files = { 'instances_val2017.json': content(), 'captions_val2017.json': { images: [] } };
  const root = await dataSet('val2017', files);
  expect((await openDataset(`coco:${root}`)).name).toBe('coco instances_val2017.json');
  writeFileSync(join(root, 'annotations/instances_train2017.json'), '');
  const error = await caught(() => openDataset(`coco:${root}`));
  expect(error.code).toBe('ERR_CASC_ARGUMENT');
  expect(error.message).toContain('has several annotation files (captions_val2017.json, instances_train2017.json');
  const unknown = await caught(() => openDataset(`coco:${root}#test`));
  expect(unknown.code).toBe('ERR_CASC_ARGUMENT');
  expect(unknown.message).toContain('has no split "test" but captions_val2017, train2017, val2017; name one of them');
});

describe('without labels', () => {
  test('images alone will do', async () => {
    const root = await dataSet('images', {});
    for (const path of [root, join(root, 'images'), `${root}#images`]) {
      const data = await openDataset(`coco:${path}`, { labelled: false });
      expect(data).toMatchObject({ name: 'coco images', size: 3, detection: null, classNames: null });
      expect((await collect(data.batches(3)))[0]!.ids).toEqual(['a.png', 'b.png', 'c.png']);
    }
    const error = await caught(() => openDataset(`coco:${root}`));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain('has no annotations/*.json; expected the layout of COCO');
  });

  test('annotations, where there are any, say which images and classes', async () => {
    const subset = content();
    subset.images.splice(1, 1);
    subset.annotations.splice(1, 1);
    const root = await dataSet('images', { 'train.json': subset });
    const data = await openDataset(`coco:${root}`, { labelled: false });
    expect(data).toMatchObject({ size: 2, detection: null, classNames: ['car', 'brush'] });
  });
});

describe('refused', () => {
  const edited = async (edit: (from: Content) => void) => {
    const wrong = content();
    edit(wrong);
    const root = await dataSet('images', { 'instances_val.json': wrong });
    const error = await caught(() => openDataset(`coco:${root}`));
    return { ...error, message: error.message.replace(root, 'ROOT') };
  };

  test.each<[string, (from: Content) => void, string, string | undefined]>([
    [
      'an unknown image',
      (c) => c.annotations[1]!.image_id++,
      'annotations[1] (id 2): no image has the id 3',
      undefined,
    ],
    [
      'an unknown category',
      (c) => c.annotations[2]!.category_id++,
      'annotations[2] (id 3) of image a.png: no category has the id 4',
      'a.png',
    ],
    [
      'a negative size',
      (c) => (c.annotations[0]!.bbox[2] = -1),
      'annotations[0] (id 1) of image a.png: bbox: 2: expected a size of 0 or more',
      'a.png',
    ],
    [
      'a box of three numbers',
      (c) => c.annotations[0]!.bbox.pop(),
      'annotations[0] (id 1) of image a.png: bbox: Too small',
      'a.png',
    ],
    ['a negative area', (c) => (c.annotations[0]!.area = -2), 'of image a.png: area: expected a size', 'a.png'],
    ['an image twice', (c) => (c.images[1]!.file_name = 'a.png'), 'image a.png: it is listed twice', 'a.png'],
    ['an id twice', (c) => (c.images[1]!.id = 9), 'its id 9 is another image', 'c.png'],
    ['an image without a size', (c) => (c.images[1]!.width = 0), 'images[1]: width: Too small', 'c.png'],
    ['a category twice', (c) => (c.categories[0]!.id = 3), 'categories: an id occurs twice', undefined],
    ['no categories', (c) => c.categories.splice(0), 'the file: categories: expected at least one', undefined],
  ])('%s', async (_, edit, text, image) => {
    const error = await edited(edit);
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toMatch(/^ROOT\/annotations\/instances_val.json is no sound COCO annotation file: /);
    expect(error.message).toContain(text);
    expect(error.where.file).toMatch(/instances_val.json$/);
    expect(error.where.image).toBe(image);
  });

  test('many problems: five are spelt out, the others counted', async () => {
    const error = await edited((c) => {
      c.annotations = Array.from({ length: 12 }, () => ({ ...c.annotations[0]!, category_id: 5 }));
    });
    expect(error.message.match(/no category has the id 5/g)).toHaveLength(5);
    expect(error.message).toContain('; and 7 more. Expected the layout of instances_val2017.json');
  });

  test.each([
    ['{"images": [', 'is not JSON'],
    ['[]', 'is no sound COCO annotation file: the file: '],
    ['null', 'is no sound COCO annotation file: the file: '],
    ['{"images": [null], "annotations": [7], "categories": [{"id": 1, "name": "x"}]}', 'images[0]: Invalid input'],
  ])('a file with %s', async (text, problem) => {
    const root = await dataSet('images', { 'instances_val.json': text });
    const error = await caught(() => openDataset(`coco:${root}`));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain(problem);
  });

  test('a file too large for one text', async () => {
    const root = await dataSet('images', { 'instances_val.json': '' });
    truncateSync(join(root, 'annotations/instances_val.json'), 600_000_000); // sparse
    const error = await caught(() => openDataset(`coco:${root}`));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain('has 600000000 bytes, more than the ');
  });

  test('a missing image, by name, before any work', async () => {
    const root = await dataSet('images', { 'instances_val.json': content() });
    rmSync(join(root, 'images/b.png'));
    const error = await caught(() => openDataset(`coco:${root}`));
    expect(error.code).toBe('ERR_CASC_IMAGE');
    expect(error.where).toEqual({ file: join(root, 'images/b.png'), image: 'b.png' });
    expect(error.message).toContain('instances_val.json names the image b.png; add the image');
    rmSync(join(root, 'images'), { recursive: true });
    const none = await caught(() => openDataset(`coco:${root}`));
    expect(none.code).toBe('ERR_CASC_IMAGE');
    expect(none.message).toContain('none of the 3 images of');
  });

  test('an image of another size than annotated', async () => {
    const wrong = content();
    Object.assign(wrong.images[1]!, { width: 4, height: 6 });
    const root = await dataSet('images', { 'instances_val.json': wrong });
    const error = await caught(() => openDataset(`coco:${root}`));
    expect(error.code).toBe('ERR_CASC_IMAGE');
    expect(error.message).toContain('c.png is 6x4 (width x height), but');
    expect(error.message).toContain('annotates it as 4x6; it was turned, by its EXIF orientation');
  });

  test('a path that is not there, and a split of one file', async () => {
    expect((await caught(() => openDataset('coco:/nowhere'))).code).toBe('ERR_CASC_FILE');
    const root = await dataSet('images', { 'instances_val.json': content() });
    const error = await caught(() => openDataset(`coco:${root}/annotations/instances_val.json#val`));
    expect(error.code).toBe('ERR_CASC_ARGUMENT');
  });
});
