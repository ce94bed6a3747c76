import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { type DatasetOptions, openDataset } from '../../lib/datasets';
import { caught, collect, temporaryFolder } from './helpers';

const folder = temporaryFolder();
let made = 0;

const object = (name: string, box: readonly number[], difficult = 0) => `
  <object>
    <name>${name}</name><pose>Left</pose><truncated>1</truncated><difficult>${difficult}</difficult>
    <bndbox><xmin>${box[0]}</xmin><ymin>${box[1]}</ymin><xmax>${box[2]}</xmax><ymax>${box[3]}</ymax></bndbox>
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
  </object>`;

const annotation = (...objects: string[]) => `<annotation>
  <folder>VOC2007</folder>
  <size><width>6</width><height>4</height><depth>3</depth></size>${objects.join('')}
</annotation>
`;

const sound = {
  '000007': annotation(object('person', [1, 1, 6, 4]), object('aeroplane', [2, 2, 2, 4], 1)),
  '000012': annotation(),
};

async function dataSet(annotations: Record<string, string>, list = '000012\n000007 \n\n'): Promise<string> {
  const root = join(folder, String(made++), 'VOC2007');
  for (const name of ['JPEGImages', 'Annotations', 'ImageSets/Main']) mkdirSync(join(root, name), { recursive: true });
  const image = sharp({ create: { width: 6, height: 4, channels: 3, background: 'red' } });
  writeFileSync(join(root, 'JPEGImages/000007.jpg'), await image.clone().jpeg().toBuffer());
  writeFileSync(join(root, 'JPEGImages/000012.png'), await image.clone().png().toBuffer());
  for (const [id, text] of Object.entries(annotations)) writeFileSync(join(root, `Annotations/${id}.xml`), text);
  writeFileSync(join(root, 'ImageSets/Main/test.txt'), list);
  writeFileSync(join(root, 'ImageSets/Main/aeroplane_test.txt'), '000007 1\n');
  return root;
}

const open = async (annotations: Record<string, string>, options?: DatasetOptions) =>
  openDataset(`voc:${await dataSet(annotations)}`, options);

test('boxes of inclusive pixels counted from 1; images in the order of the list', async () => {
  const data = await open(sound);
  expect(data).toMatchObject({ name: 'voc VOC2007 test', kind: 'voc', size: 2, classes: 20 });
  expect(data.detection!.categories[19]).toEqual({ id: 20, name: 'tvmonitor' });
  expect(data.detection!.images).toEqual([
    { id: '000012', width: 6, height: 4, objects: [] },
    {
      id: '000007',
      width: 6,
      height: 4,
      objects: [
        { label: 14, box: [0, 0, 6, 4], area: 24, crowd: false, difficult: false },
        { label: 0, box: [1, 1, 1, 3], area: 3, crowd: false, difficult: true },
      ],
    },
  ]);
  expect((await collect(data.batches(5)))[0]!.ids).toEqual(['000012', '000007']);
});

test('classes of one’s own', async () => {
  const data = await open(
    { ...sound, '000007': annotation(object('cup', [1, 1, 2, 2])) },
    { classNames: ['pen', 'cup'] },
  );
  expect(data).toMatchObject({ classes: 2, classNames: ['pen', 'cup'] });
  expect(data.detection!.images[1]!.objects[0]!.label).toBe(1);
});

test('byte order marks and declarations do not matter', async () => {
  const marked = Object.entries(sound).map(([id, text]) => [
    id,
    `\uFEFF<?xml version="1.0" encoding="utf-8"?>\n${text}`,
  ]);
  const root = await dataSet(Object.fromEntries(marked), '\uFEFF000012\r\n000007\r\n');
  expect((await openDataset(`voc:${root}`)).detection).toEqual((await open(sound)).detection);
});

test('without labels the annotations are not read', async () => {
  const data = await open({}, { labelled: false });
  expect(data).toMatchObject({ size: 2, detection: null });
  expect(data.classNames).toHaveLength(20);
});

test.each([
  ['<annotation><size></annotation>', 'line 1: it is not XML: Opening and ending tag mismatch: "size" != "annotation"'],
  ['', 'it is not XML: missing root element'],
  ['<a/>', 'line 1: its root is <a>, not <annotation>'],
  ['<annotation/>', 'line 1: <annotation> has no <size>'],
  [sound['000012'].replace('<width>6', '<width>six'), 'line 3: <width> is "six"; expected a number'],
  [sound['000012'].replace('<width>6', '<width>0'), 'line 3: the image is 0x4 (width x height)'],
  [annotation(object('dragon', [1, 1, 2, 2])), 'line 4: the class "dragon" is none of aeroplane, bicycle'],
  [annotation(object('cat', [3, 1, 2, 2])), 'line 6: the box is 0x2 (width x height); xmin and ymin come first'],
  [annotation(object('cat', [1, 1, 2, 2]).replace('ymax', 'xmax')), 'it is not XML'],
  [annotation('<object><name>cat</name></object>'), '<object> has no <bndbox>'],
])('refused: %s', async (text, problem) => {
  const error = await caught(() => open({ ...sound, '000007': text }));
  expect(error.code).toBe('ERR_CASC_DATA');
  expect(error.message).toContain(problem);
  expect(error.message).toMatch(
    /VOC2007\/Annotations\/000007\.xml: .*expected an annotation of Pascal VOC \(image 000007\)$/,
  );
  expect(error.where).toMatchObject({ image: '000007' });
});

test('refused: lists, images and folders that do not fit', async () => {
  const root = await dataSet(sound);
  const [split, folderOnly, devkit] = await Promise.all(
    [`voc:${root}#val`, `voc:${join(root, 'JPEGImages')}`, `voc:${join(root, '..')}`].map((spec) =>
      caught(() => openDataset(spec)),
    ),
  );
  expect(split!.code).toBe('ERR_CASC_ARGUMENT');
  expect(split!.message).toContain('has no split "val" but test; name one of them');
  expect(folderOnly!.code).toBe('ERR_CASC_DATA');
  expect(folderOnly!.message).toContain('has no ImageSets/Main/test.txt; expected a folder like VOCdevkit/VOC2007');
  expect(devkit!.message).toContain(`it has VOC2007: name one, as in voc:${root}`);
  expect((await caught(() => openDataset('voc:/nowhere'))).code).toBe('ERR_CASC_FILE');

  rmSync(join(root, 'JPEGImages/000012.png'));
  const image = await caught(() => openDataset(`voc:${root}`));
  expect(image.code).toBe('ERR_CASC_IMAGE');
  expect(image.where).toEqual({ file: join(root, 'JPEGImages/000012.jpg'), image: '000012' });

  const byClass = await caught(() => openDataset(`voc:${root}#aeroplane_test`));
  expect(byClass.message).toContain('line 1 is "000007 1"; expected one image id a line');
  const twice = await caught(async () => openDataset(`voc:${await dataSet(sound, '000007\n000007\n')}`));
  expect(twice.message).toContain('line 2 is "000007"; it is listed twice');
  const noXml = await caught(() => open({ '000012': sound['000012'] }));
  expect(noXml.code).toBe('ERR_CASC_FILE');
  expect(noXml.where.file).toMatch(/Annotations\/000007\.xml$/);
});
