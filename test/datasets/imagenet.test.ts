import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { openDataset } from '../../lib/datasets';
import { caught, collect, temporaryFolder } from './helpers';

const folder = temporaryFolder();
const [tench, shark, tissue] = ['n01440764', 'n01484850', 'n15075141'] as const;
let made = 0;

/** A folder with one-coloured images: the red of `a/b.png` is the number given. Strings are written as they are. */
async function folderOf(files: Record<string, number | string>): Promise<string> {
  const root = join(folder, String(made++));
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) {
    const file = join(root, name);
    mkdirSync(dirname(file), { recursive: true });
    if (typeof content === 'string') {
      writeFileSync(file, content);
    } else {
      const background = { r: content, g: 0, b: 0 };
      const image = sharp({ create: { width: 6, height: 4, channels: 3, background } });
      writeFileSync(file, await (name.endsWith('.webp') ? image.webp({ lossless: true }) : image.png()).toBuffer());
    }
  }
  return root;
}

/** [id, label, red] of each image. */
async function read(spec: string, options: { classes?: number } = {}) {
  const data = await openDataset(spec, { ...options, scaling: { scale: 1 } });
  const rows: [string, number, number][] = [];
  for (const batch of await collect(data.batches(2))) {
    for (const [i, id] of batch.ids.entries()) rows.push([id, batch.labels[i]!, batch.images[i * 72]!]);
  }
  return { data, rows };
}

describe('class folders', () => {
  const files = { [`${tissue}/b.png`]: 3, [`${tissue}/a.webp`]: 2, [`${tench}/z.PNG`]: 1, [`${tench}/notes.txt`]: 'x' };

  test('without synsets.txt the rank of the folder is the class, and a note says so', async () => {
    const root = await folderOf(files);
    const { data, rows } = await read(`imagenet:${root}`, { classes: 2 });
    expect(rows).toEqual([
      [`${tench}/z.PNG`, 0, 1],
      [`${tissue}/a.webp`, 1, 2],
      [`${tissue}/b.png`, 1, 3],
    ]);
    expect(data).toMatchObject({ size: 3, classes: 2, classNames: [tench, tissue], shape: { c: 3, h: 4, w: 6 } });
    expect(data.notes).toEqual([`${root} has no synsets.txt: the class index is the rank of the folder name`]);
    const error = await caught(() => openDataset(`imagenet:${root}`, { classes: 1000 }));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain('has 2 class folders and no synsets.txt, the network has 1000 classes');
  });

  test.each(['', 'val/'])('with synsets.txt and the folders in "%s"', async (under) => {
    const below = Object.fromEntries(Object.entries(files).map(([name, content]) => [under + name, content]));
    const root = await folderOf({
      ...below,
      'synsets.txt': `${tissue}\n${shark} white shark\n${tench} tench, Tinca tinca\n`,
    });
    for (const spec of under ? [`${root}/val`, `${root}#val`] : [root]) {
      const { data, rows } = await read(`imagenet:${spec}`);
      expect(rows.map((row) => row[1])).toEqual([2, 0, 0]);
      expect(data.classNames).toEqual([tissue, 'white shark', 'tench, Tinca tinca']);
      expect(data).toMatchObject({ classes: 3, notes: [] });
    }
  });

  test('links to folders and images are followed', async () => {
    const target = await folderOf(files);
    const root = await folderOf({});
    symlinkSync(join(target, tissue), join(root, tissue));
    expect((await read(`imagenet:${root}`)).rows).toHaveLength(2);
  });

  test('refused: a class that is not in synsets.txt, and broken synsets.txt', async () => {
    const unknown = await folderOf({ ...files, 'synsets.txt': `${tench}\n` });
    const error = await caught(() => openDataset(`imagenet:${unknown}`));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toContain(`the class ${tissue} is not in ${join(unknown, 'synsets.txt')}`);
    const broken = await folderOf({ ...files, 'synsets.txt': `${tench}\ntench\n` });
    expect((await caught(() => openDataset(`imagenet:${broken}`))).message).toContain('line 2 is "tench"; expected');
    const twice = await folderOf({ ...files, 'synsets.txt': `${tench}\n${tench}\n` });
    expect((await caught(() => openDataset(`imagenet:${twice}`))).message).toContain(
      `line 2 gives ${tench} a second time`,
    );
  });

  test('refused: nothing there, with the folders there are', async () => {
    const empty = await folderOf({ 'val/readme.txt': 'x' });
    const error = await caught(() => openDataset(`imagenet:${empty}`));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toMatch(
      /holds neither class folders .* nor images .*; it has the folders val: name one as in imagenet:.*#val$/,
    );
    const hollow = await folderOf({ [`${tench}/readme.txt`]: 'x' });
    expect((await caught(() => openDataset(`imagenet:${hollow}`))).message).toContain(
      'holds no images; check the path',
    );
    const file = await caught(() => openDataset(`imagenet:${join(empty, 'val/readme.txt')}`));
    expect(file.code).toBe('ERR_CASC_FILE');
    expect((await caught(() => openDataset(`imagenet:${empty}#train`))).code).toBe('ERR_CASC_FILE');
  });

  test('a corrupt image is named', async () => {
    const root = await folderOf({ ...files, [`${tissue}/c.jpg`]: 'no image' });
    const error = await caught(() => read(`imagenet:${root}`));
    expect(error.code).toBe('ERR_CASC_IMAGE');
    expect(error.where).toEqual({ file: join(root, tissue, 'c.jpg'), image: `${tissue}/c.jpg` });
  });

  test('images of two sizes need a crop', async () => {
    const root = await folderOf(files);
    writeFileSync(
      join(root, tissue, 'c.png'),
      await sharp({ create: { width: 5, height: 5, channels: 3, background: 'red' } })
        .png()
        .toBuffer(),
    );
    const error = await caught(() => read(`imagenet:${root}`));
    expect(error.code).toBe('ERR_CASC_IMAGE');
    expect(error.message).toBe(
      `image ${tissue}/c.png is 5x5 (width x height), the images before it are 6x4; give a crop or the resize rule stretch, so that all images get one size`,
    );
    const data = await openDataset(`imagenet:${root}`, { scaling: { crop: { height: 4, width: 4 } } });
    expect((await collect(data.batches(4)))[0]!.images).toHaveLength(4 * 3 * 16);
  });
});

describe('a folder of images with a label file', () => {
  const images = { 'b.png': 2, 'a.png': 1, 'c.webp': 3 };

  test('one label a line, images sorted', async () => {
    const root = await folderOf({ ...images, 'labels.txt': '5\n0\n7\n\n' });
    expect((await read(`imagenet:${root}`)).rows).toEqual([
      ['a.png', 5, 1],
      ['b.png', 0, 2],
      ['c.webp', 7, 3],
    ]);
  });

  test('names and labels in any order, the file named as the split', async () => {
    const root = await folderOf({ ...images, 'val.txt': 'c.webp 1\r\na.png\t2\r\nb.png 3\r\n' });
    expect((await read(`imagenet:${root}#val.txt`)).rows.map((row) => row[1])).toEqual([2, 3, 1]);
  });

  test('a label out of range is refused before any image is read', async () => {
    const root = await folderOf({ ...images, 'labels.txt': '1\n2\n3\n' });
    const error = await caught(() => openDataset(`imagenet:${root}`, { classes: 3 }));
    expect(error.code).toBe('ERR_CASC_DATA');
    expect(error.message).toBe(
      'image c.webp has label 3, the network has 3 classes (0..2) (labels are zero-based: are these counted from 1?); check that the data set and the network belong together',
    );
  });

  test.each([
    ['1\n2\n', 'ERR_CASC_DATA', '2 labels for the 3 images of'],
    ['a.png 1\nb.png x\n', 'ERR_CASC_DATA', 'line 2 is "b.png x"; expected "filename label"'],
    ['a.png 1\n2\n', 'ERR_CASC_DATA', 'line 2 is "2"'],
    ['a.png 1\na.png 1\n', 'ERR_CASC_DATA', 'line 2 labels a.png a second time'],
    ['a.png 1\nb.png 1\n', 'ERR_CASC_DATA', 'image c.webp of'],
    ['a.png 1\nb.png 1\nc.webp 1\nd.png 1\n', 'ERR_CASC_IMAGE', 'd.png does not exist'],
    ['', 'ERR_CASC_DATA', 'image a.png of'],
  ])('%j is refused', async (labels, code, text) => {
    const root = await folderOf({ ...images, 'labels.txt': labels });
    const error = await caught(() => openDataset(`imagenet:${root}`));
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
    expect(error.where.file).toBe(join(root, 'labels.txt'));
  });

  test('no label file', async () => {
    const error = await caught(async () => openDataset(`imagenet:${await folderOf(images)}`));
    expect(error.code).toBe('ERR_CASC_FILE');
    expect(error.message).toMatch(/labels\.txt cannot be opened: it or its folder does not exist/);
  });
});
