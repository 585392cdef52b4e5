import { rejects, throws } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inventoryRows } from '../command/inventory.ts';
import { unwrapKeyBlock, wrapKeyBlock } from '../key-block/key-block.ts';
import { KeyBlockProtectionKey } from '../key-block/protection-key.ts';
import { KeyOffice } from './key-office.ts';
import { openKeyStore } from './open-vault.ts';
import { code, memoryFile, PAN } from './vault.fixture.ts';
import type { KeyHandle, NewKey } from './vault.ts';

const NOON = Date.UTC(2026, 10, 22, 12);
const TMK: NewKey = { name: 'tmk:1', use: 'tmk', algorithm: '3des', by: 'alice' };

const states = suite('the states of a key');

states(
  'made inactive it serves nothing; activated it serves; retired it opens and verifies only',
  async () => {
    const { office } = await newOffice();
    const { vault } = office;
    const data = vault.generate({ name: 'd', use: 'data', algorithm: 'aes-256', inactive: true });
    throws(() => vault.seal(data, Buffer.from('x'), 'c'), code('KEY_USE'));
    office.activate('d', 'alice');
    const sealed = vault.seal(data, Buffer.from('x'), 'c');
    office.retire('d', 'alice');
    throws(() => vault.seal(data, Buffer.from('x'), 'c'), code('KEY_USE'));
    assert.is(vault.unseal(data, sealed, 'c').toString(), 'x');
    for (const again of [() => office.activate('d', 'a'), () => office.retire('d', 'a')])
      throws(again, code('KEY_USE'));
  },
);

// biome-ignore format: a table is read by column
for (const [use, algorithm, protect, open] of [
  ['mac',  '3des', 'mac',             'verifyMac'],
  ['pin',  '3des', 'encryptPinBlock', undefined],
  ['card-verification', '3des', 'cardVerificationValue', 'verifyCardVerificationValue'],
] as const) {
  states(`a retired ${use} key refuses ${protect}${open === undefined ? '' : `, and not ${open}`}`, async () => {
    const { office } = await newOffice();
    const key = office.vault.generate({ name: 'k', use, algorithm });
    const acts = {
      mac: () => office.vault.mac(key, Buffer.from('x'), 'x9.19'),
      verifyMac: () => office.vault.verifyMac(key, Buffer.from('x'), Buffer.alloc(8), 'x9.19'),
      encryptPinBlock: () => office.vault.encryptPinBlock(key, Buffer.from('482915'), PAN),
      cardVerificationValue: () => office.vault.cardVerificationValue(key, PAN, '3012', '220'),
      verifyCardVerificationValue: () => office.vault.verifyCardVerificationValue(key, PAN, '3012', '220', 'xxx'),
    };
    acts[protect]();
    office.retire('k', 'alice');
    throws(() => acts[protect](), code('KEY_USE'));
    if (open !== undefined) assert.is(acts[open](), false);
  });
}

states(
  'everything that is known of a key comes back after a restart; a destroyed one leaves its line',
  async () => {
    const { office, again } = await newOffice();
    const spec = { owner: 'shop 1, Main St', cryptoperiodDays: 365, exportable: true, by: 'alice' } as const;
    office.vault.generate({ ...TMK, ...spec });
    office.vault.generate({ ...TMK, name: 'tmk:2', inactive: true });
    office.vault.generate({ ...TMK, name: 'tmk:3' });
    office.retire('tmk:1', 'alice');
    office.vault.destroy('tmk:3', 'bob');
    await office.saved();
    const reopened = await again();
    assert.equal(reopened.records, office.records);
    assert.equal(reopened.destroyed, office.destroyed);
    assert.equal(
      inventoryRows(reopened, NOON + 400 * 86_400_000).map(([name, , , , state, owner, , , , due]) => [
        name,
        state,
        owner,
        due,
      ]),
      [
        ['tmk:1', 'retired', 'shop 1, Main St', '2027-11-22T12:00:00Z'],
        ['tmk:2', 'pre-active', '', ''],
        ['tmk:3', 'destroyed', '', ''],
      ],
    );
  },
);

states('a cryptoperiod that is over is a finding, and stops nothing', async () => {
  const { office } = await newOffice();
  office.vault.generate({ ...TMK, cryptoperiodDays: 30 });
  const finding = (days: number) => inventoryRows(office, NOON + days * 86_400_000)[0]?.at(-1);
  assert.equal([finding(30), finding(31)], ['', 'its cryptoperiod is over: rotate it']);
  assert.is(office.vault.makeWorkingKeys(office.vault.find('tmk:1') as KeyHandle, '003').de62.length, 80);
});

states(
  'rotated: a new key has the name, the old one is retired under a number; cards keep their keys',
  async () => {
    const { office } = await newOffice();
    const { checkValue } = office.vault.generate({ ...TMK, owner: 'shop 1' });
    assert.is(office.rotate('tmk:1', 'alice'), 'tmk:1@1');
    assert.is(office.rotate('tmk:1', 'alice'), 'tmk:1@2');
    assert.is(office.vault.find('tmk:1@1')?.checkValue, checkValue);
    assert.is.not(office.vault.find('tmk:1')?.checkValue, checkValue);
    assert.equal(
      office.records.map(({ name, owner, retired }) => [name, owner, retired !== null]),
      [
        ['tmk:1@1', 'shop 1', true],
        ['tmk:1@2', 'shop 1', true],
        ['tmk:1', 'shop 1', false],
      ],
    );
    office.vault.generate({ name: 'pvk', use: 'pin-verification', algorithm: '3des' });
    throws(() => office.rotate('pvk', 'alice'), code('KEY_USE'));
  },
);

states('the same key under a second name is refused: a key serves one purpose', async () => {
  const { office } = await newOffice();
  const key = randomBytes(16);
  office.enter(TMK, key);
  throws(() => office.enter({ ...TMK, name: 'tmk:2' }, key), code('KEY_BAD'));
  throws(() => office.enter({ ...TMK, name: 'mak', use: 'mac' }, key), code('KEY_BAD'));
  office.vault.destroy('tmk:1', 'alice');
  office.enter({ ...TMK, name: 'tmk:2' }, key);
});

states('a file with a test key opens in test mode only', async () => {
  const { office, again } = await newOffice({ testMode: true });
  office.enter(TMK, Buffer.from('0123456789ABCDEFFEDCBA9876543210', 'hex'));
  await office.saved();
  await rejects(again({ testMode: false }), code('KEY_BAD'));
  assert.is((await again({ testMode: true })).vault.find('tmk:1')?.checkValue, '08D7B4');
});

states.run();

const partners = suite('keys under a zone master key');

for (const [algorithm, version, family] of [
  ['aes-256', 'D', 'aes'],
  ['3des', 'B', 'tdes'],
] as const) {
  partners(`a ${algorithm} zone key carries keys in version ${version}, to a partner and back`, async () => {
    const { office } = await newOffice();
    const zmk = randomBytes(algorithm === '3des' ? 16 : 32);
    office.enter({ name: 'zmk', use: 'zmk', algorithm }, zmk);
    const { checkValue } = office.vault.generate({ ...TMK, exportable: true });
    const block = office.exportBlock('tmk:1', 'zmk', 'alice');
    const kbpk = new KeyBlockProtectionKey(family, zmk);
    const { header, key } = unwrapKeyBlock(kbpk, block);
    assert.equal([header.version, header.usage, header.exportability], [version, 'K0', 'N']);
    office.vault.destroy('tmk:1', 'alice');
    office.importBlock(TMK, 'zmk', wrapKeyBlock(kbpk, { ...header, exportability: 'E' }, key, randomBytes));
    assert.is(office.vault.find('tmk:1')?.checkValue, checkValue);
  });
}

partners('what must stay does not leave; neither does a key that does not serve', async () => {
  const { office } = await newOffice();
  office.vault.generate({ name: 'zmk', use: 'zmk', algorithm: 'aes-256' });
  office.vault.generate(TMK);
  office.vault.generate({ ...TMK, name: 'tmk:2', exportable: true });
  throws(() => office.exportBlock('tmk:1', 'zmk', 'alice'), code('KEY_USE'));
  throws(() => office.splitForExport('tmk:1', 2, 'alice'), code('KEY_USE'));
  throws(() => office.exportBlock('tmk:2', 'tmk:1', 'alice'), code('KEY_USE'));
  office.retire('tmk:2', 'alice');
  throws(() => office.exportBlock('tmk:2', 'zmk', 'alice'), code('KEY_USE'));
});

partners('a block with another use, a changed character or another zone key is refused', async () => {
  const { office } = await newOffice();
  for (const name of ['zmk', 'other']) office.vault.generate({ name, use: 'zmk', algorithm: 'aes-256' });
  office.vault.generate({ name: 'p', use: 'pin', algorithm: '3des', exportable: true });
  const block = office.exportBlock('p', 'zmk', 'alice');
  office.vault.destroy('p');
  const pin: NewKey = { name: 'p', use: 'pin', algorithm: '3des' };
  throws(() => office.importBlock({ ...pin, use: 'mac' }, 'zmk', block), code('KEY_USE'));
  throws(() => office.importBlock({ ...pin, exportable: true }, 'zmk', block), code('KEY_USE'));
  throws(() => office.importBlock(pin, 'other', block), code('KEY_BLOCK_BAD'));
  throws(() => office.importBlock(pin, 'zmk', block.replace('P0TB', 'M3TC')), code('KEY_BLOCK_BAD'));
  assert.is(office.vault.find('p'), undefined);
  office.importBlock(pin, 'zmk', block);
});

partners('components of an export make the key together', async () => {
  const { office } = await newOffice();
  for (const count of [2, 3] as const) {
    const { checkValue } = office.vault.generate({ ...TMK, exportable: true });
    const components = office.splitForExport('tmk:1', count, 'alice');
    office.vault.destroy('tmk:1');
    assert.is(components.length, count);
    assert.is(office.vault.createFromComponents({ ...TMK, components }).checkValue, checkValue);
    office.vault.destroy('tmk:1');
  }
});

partners.run();

const change = suite('a new master key');

change('cut after any key, the file opens, everything works, and the change goes on from there', async () => {
  const { office, file, again } = await newOffice();
  const names = ['tmk:1', 'tmk:2', 'tmk:3'];
  for (const name of names) office.vault.generate({ ...TMK, name });
  const { sealed } = office.vault.makeWorkingKeys(office.vault.find('tmk:1') as KeyHandle, '003');
  await office.saved();
  const checkValues = office.records.map(({ checkValue }) => checkValue);
  const old = file.content() as Buffer;

  const next = randomBytes(32);
  for (let cut = 0; cut <= names.length; cut += 1) {
    await file.write(old);
    const first = await again();
    first.changeMaster(next, ['alice', 'bob'], 'alice');
    for (let wrapped = 0; wrapped < cut; wrapped += 1) assert.is(first.rewrapNext('alice'), names[wrapped]);
    await first.saved();
    // The power goes: what is in memory is gone.
    const second = await again();
    assert.is(second.masters.length, 2);
    assert.equal(
      second.records.map(({ checkValue }) => checkValue),
      checkValues,
    );
    second.vault.openSealed(sealed.mak);
    throws(() => second.changeMaster(randomBytes(32), 'generated', 'a'), code('NOT_ALLOWED_NOW'));
    if (cut < names.length) throws(() => second.finishMasterChange('a'), code('NOT_ALLOWED_NOW'));
    for (const name of names.slice(cut)) assert.is(second.rewrapNext('alice'), name);
    assert.is(second.rewrapNext('alice'), null);
    const anew = second.vault.resealed(sealed.mak);
    assert.is.not(anew, sealed.mak);
    assert.is(second.vault.resealed(anew), anew);
    second.finishMasterChange('alice');
    await second.saved();

    const third = await again();
    assert.is(third.masters.length, 1);
    assert.equal(
      third.records.map(({ checkValue }) => checkValue),
      checkValues,
    );
    assert.is(third.vault.openSealed(anew).use, 'mac');
    throws(() => third.vault.openSealed(sealed.mak), code('SEAL_BROKEN'));
  }
});

change('the key in use, a published one or a pattern is refused', async () => {
  const { office } = await newOffice();
  throws(() => office.changeMaster(Buffer.alloc(32, 0x5a), 'generated', 'a'), code('KEY_BAD'));
  throws(() => office.finishMasterChange('a'), code('NOT_ALLOWED_NOW'));
  const key = randomBytes(32);
  office.changeMaster(key, 'generated', 'a');
  office.finishMasterChange('a');
  throws(() => office.changeMaster(key, 'generated', 'a'), code('KEY_BAD'));
});

change.run();

async function newOffice(mode = { testMode: false }) {
  const file = memoryFile();
  const again = async (other = mode) =>
    new KeyOffice(
      await openKeyStore({
        random: randomBytes,
        file,
        passphrase: Buffer.from('a passphrase of the test'),
        now: () => NOON,
        ...other,
      }),
      randomBytes,
    );
  return { office: await again(), file, again };
}
