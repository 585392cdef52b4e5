/** Secrets that a test plants, and everything that is done wrong with them at the host's two doors. */
import { createDecipheriv } from 'node:crypto';
import { connect } from 'node:net';
import * as assert from 'uvu/assert';
import { buildFrame, codec, FrameSplitter, luhnDigit, openFrame } from '../../protocol/index.ts';
import type { LinkProxy } from '../link/index.ts';
import { MERCHANT_ID, type Office, pause, REASON } from '../office/index.ts';
import { type Card, terminalId } from '../programme/index.ts';
import type { Planted } from './leak-search.fixture.ts';

export const xor = (components: readonly Buffer[]) =>
  components.reduce((sum, one) => Buffer.from(sum.map((byte, at) => byte ^ (one[at] ?? 0))));

/** A card that the host never knew: it comes in frames and bodies that are refused. */
export const STRANGER = `627788909090909${luhnDigit('627788909090909')}`;
export const STRANGER_TRACK = `${STRANGER}=3112701100004321`;
/** Typed where a PIN block belongs. */
export const STRANGER_PIN = '735164';
export const REFUSED_KEY = Buffer.from('4C5E6D7F8091A2B3C4D5E6F708192A3B', 'hex');

/** Everything that the test itself put into the system, and must not find again. */
export function planted(office: Office): Planted[] {
  const all: Planted[] = [
    { name: 'PAN of a stranger', text: STRANGER },
    { name: 'track of a stranger', text: STRANGER_TRACK },
    { name: 'a key that was refused', bytes: REFUSED_KEY },
    { name: 'PIN of a stranger', text: STRANGER_PIN, alone: true },
  ];
  for (const [index, card] of office.cards.entries())
    all.push(
      { name: `PAN of card ${index}`, text: card.pan },
      { name: `track 2 of card ${index}`, text: card.track2 },
      { name: `discretionary data of card ${index}`, text: card.track2.slice(-10) },
      { name: `track 1 of card ${index}`, text: card.track1 },
      { name: `PIN of card ${index}`, text: card.pin, alone: true },
      { name: `zone PIN block of card ${index}`, bytes: Buffer.from(card.pinBlock, 'hex') },
      { name: `clear PIN block of card ${index}`, bytes: clearPinBlock(card) },
      { name: `PIN field of card ${index}`, bytes: pinField(card.pin) },
    );
  const keys = [
    ...office.tmkComponents.map((components, index) => ({ name: `tmk ${index}`, components })),
    ...office.bureau.shared,
  ];
  for (const { name, components } of keys) {
    all.push({ name: `key ${name}`, bytes: xor(components) });
    for (const [at, bytes] of components.entries()) all.push({ name: `component ${at} of ${name}`, bytes });
  }
  return all;
}

/** ISO 9564-1 format 0, before the card number is bound: 0, length, PIN, F. */
function pinField(pin: string): Buffer {
  return Buffer.from(`0${pin.length}${pin}`.padEnd(16, 'F'), 'hex');
}

/** The PIN field XOR the card number's last twelve digits before its check digit. */
function clearPinBlock({ pin, pan }: Card): Buffer {
  return xor([pinField(pin), Buffer.from(pan.slice(0, -1).slice(-12).padStart(16, '0'), 'hex')]);
}

/** What went over the line besides: PIN blocks, wrapped working keys, and the clear ones inside them. */
export function plantedOnTheLine(link: LinkProxy, tmk: Buffer): Planted[] {
  const all: Planted[] = [];
  for (const side of ['terminal', 'host'] as const) {
    const splitter = new FrameSplitter(8_192);
    for (const record of link.capture()) {
      if (record.kind !== 'bytes' || record.from !== side) continue;
      for (const frame of splitter.push(record.bytes)) {
        const message = codec.decode(openFrame(frame).body);
        const block = message.get(52);
        if (block !== undefined) all.push({ name: 'PIN block', bytes: Buffer.from(block, 'hex') });
        const wrapped = message.mti === '0810' ? message.get(62) : undefined;
        if (wrapped !== undefined) all.push(...workingKeys(Buffer.from(wrapped, 'hex'), tmk));
      }
    }
  }
  return all;
}

function workingKeys(de62: Buffer, tmk: Buffer): Planted[] {
  return [0, 20].flatMap((at) => {
    const wrapped = de62.subarray(at, at + 16);
    const cipher = createDecipheriv('des-ede', tmk, null).setAutoPadding(false);
    const clear = Buffer.concat([cipher.update(wrapped), cipher.final()]);
    return [
      { name: 'wrapped working key', bytes: wrapped },
      { name: 'working key', bytes: clear },
    ];
  });
}

/** Sends bytes to the acquirer, waits a moment for whatever comes, and hangs up. */
export async function throwAt(port: number, bytes: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.on('data', () => undefined);
  socket.write(bytes);
  await pause(60);
  socket.destroy();
}

const FRAME = { tpdu: Buffer.from('6000030000', 'hex'), header: '603100311000' };
const framed = (body: Buffer) => buildFrame({ ...FRAME, body });

export function strangeFrames(): readonly Buffer[] {
  const de35 = STRANGER_TRACK.replace('=', 'D');
  const fields: Record<number, string> = {
    2: STRANGER, 3: '000000', 4: '000000001000', 11: '000777', 14: '3112', 22: '021', 25: '00', 26: '12', 35: de35,
    41: terminalId(0), 42: MERCHANT_ID, 49: '156', 52: REFUSED_KEY.subarray(0, 8).toString('hex').toUpperCase(),
    53: '2600000000000000', 60: '22000001000', 64: '0123456789ABCDEF',
  }; // biome-ignore format: fields as they come
  const sale = codec.encode({ mti: '0200', fields });
  const misplaced = codec.encode({
    mti: '0200',
    fields: {
      ...fields,
      37: STRANGER.slice(0, 12),
      44: STRANGER,
      57: `ZZ016${STRANGER}`,
      63: `01 ${STRANGER_TRACK}`,
    },
  });
  const strange = codec.encode({ mti: '0200', fields: { ...fields, 41: '99999999' } });
  const late = Buffer.from(sale);
  late[0] = 0x06;
  return [
    framed(sale),
    framed(misplaced),
    framed(strange),
    framed(late),
    framed(sale.subarray(0, 70)),
    framed(Buffer.from(STRANGER_TRACK)),
    framed(
      Buffer.concat([Buffer.from('0200', 'hex'), Buffer.from(STRANGER, 'hex'), Buffer.from(STRANGER_TRACK)]),
    ),
    Buffer.from(`GET /?pan=${STRANGER} HTTP/1.1\r\ncookie: ${STRANGER_TRACK}\r\n\r\n`),
  ];
}

/** Bodies, paths and headers that carry secrets where they do not belong. */
export async function refusedCalls(office: Office, card: Card): Promise<void> {
  const account = {
    accountId: 'A9',
    tier: 'green',
    registered: true,
    productId: 'reloadable',
    salePointId: 'zz-01',
  };
  const good = {
    pan: STRANGER,
    expiry: '3112',
    serviceCode: '701',
    pinBlock: card.pinBlock,
    account,
    reason: REASON,
  };
  const key = REFUSED_KEY.toString('hex').toUpperCase();
  // biome-ignore format: a table is read by column
  const calls: readonly (readonly [string, string, unknown])[] = [
    ['PUT', '/v1/cards/C9',                    { ...good, expiry: STRANGER }],
    ['PUT', '/v1/cards/C9',                    { ...good, track2: STRANGER_TRACK }],
    ['PUT', '/v1/cards/C9',                    { ...good, [STRANGER]: 1 }],
    ['PUT', '/v1/cards/C9',                    { ...good, pinBlock: STRANGER_PIN }],
    ['PUT', '/v1/cards/C9',                    { ...good, pinBlock: key.slice(0, 16) }],
    ['PUT', '/v1/cards/C9',                    { ...good, account: { ...account, accountId: STRANGER } }],
    ['PUT', '/v1/cards/C9',                    { ...good, account: { ...account, tier: STRANGER } }],
    ['PUT', '/v1/cards/C9',                    { ...good, reason: `card ${STRANGER}` }],
    ['PUT', '/v1/cards/C9',                    { ...good, reason: STRANGER_TRACK }],
    ['PUT', '/v1/cards/C9',                    { ...good, pan: Number(STRANGER) }],
    ['PUT', `/v1/cards/${STRANGER}`,           good],
    ['PUT', '/v1/cards/C9',                    [STRANGER, STRANGER_TRACK]],
    ['PUT', `/v1/cards/${card.cardId}/loads/${STRANGER}`, { salePointId: 'zz-01', principal: 1, payment: { method: 'cash', payer: 'person', identified: true }, reason: REASON }],
    ['POST', `/v1/cards/${STRANGER}/freeze`,   { reason: REASON }],
    ['GET', `/v1/cards/${STRANGER}`,           undefined],
    ['GET', `/v1/transactions?cardTail=${STRANGER}`, undefined],
    ['GET', `/v1/nothing/${STRANGER}?track=${STRANGER_TRACK}`, undefined],
    ['PUT', `/v1/documents/tier/${STRANGER}`,  { document: { id: STRANGER, nameZh: STRANGER, nameEn: STRANGER_TRACK, rank: 9, pointsBp: 1 }, reason: REASON }],
    ['PUT', `/v1/terminals/${terminalId(0)}/tmk`, { component: `${key}00`, number: 1, of: 2, reason: REASON }],
    ['PUT', `/v1/terminals/${terminalId(0)}/tmk`, { component: key, number: 3, of: 2, reason: REASON }],
    ['PUT', `/v1/terminals/${terminalId(0)}/tmk`, { component: key, number: 1, of: 2, checkValue: '000000', reason: REASON }],
    ['PUT', `/v1/terminals/${terminalId(0)}/tmk`, { component: [key], reason: key }],
    ['PUT', `/v1/keys/${key}`,                 { component: key, number: 1, of: 2, reason: REASON }],
  ];
  for (const [method, path, body] of calls) {
    const { status } = await office.ask(method, path, body);
    assert.ok(status >= 400, `${method} ${path.split('/').slice(0, 3).join('/')} is refused (${status})`);
  }
  const url = `http://127.0.0.1:${office.adminPort}/v1/cards/C9`;
  for (const headers of [
    { authorization: `Bearer ${STRANGER}` },
    { authorization: `Bearer x`, 'x-pan': STRANGER_TRACK },
  ]) {
    const answer = await fetch(url, {
      method: 'PUT',
      headers,
      body: `{"pan": "${STRANGER}", "track2": ${STRANGER_TRACK}`,
    });
    office.answers.push(await answer.text());
  }
}
