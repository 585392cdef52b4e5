import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DISSECTOR_PORT, luaDissector } from './dissector.ts';
import { FIELDS } from './fields.ts';
import { EXAMPLE_FRAME } from './tables.ts';

/** 0210 with DE2, 3, 4, 11, 25, 39, 41, 42, 43 (尊卡 in GB18030) and 60, put together by hand. */
const ANSWER_BODY = Buffer.from(
  [
    '0210 7020008002E00010',
    '16 6277880000000016 000000 000000012800 000123 00 3030',
    '3130303030303031 313030303030303030303030303031',
    `D7F0BFA8${'20'.repeat(36)} 0011 220000010000`,
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);
const ANSWER_FRAME = Buffer.concat([
  Buffer.of(0, 11 + ANSWER_BODY.length),
  Buffer.from('6000000003603100311812', 'hex'),
  ANSWER_BODY,
]);

const dissector = suite('the Wireshark dissector that is generated from the field table');

dissector('names every field of the table', () => {
  const lua = luaDissector();
  for (const [field, spec] of Object.entries(FIELDS)) {
    assert.match(lua, `[${field}] = { format = '${spec.format}', length = ${spec.length}`);
    assert.match(lua, spec.nameZh);
  }
});

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
if (!hasTshark) console.log('\nleft out: the dissector as tshark runs it; tshark is not installed');
if (hasTshark) {
  dissector('lets tshark show a frame by name, cut by TCP where it will, without the card or the PIN', () => {
    // Two segments: LEN is cut in the middle, and a second frame begins in the first one's last segment.
    const stream = Buffer.concat([EXAMPLE_FRAME, ANSWER_FRAME]);
    const shown = tshark([stream.subarray(0, 1), stream.subarray(1, 80), stream.subarray(80)], ['-V']);
    assert.match(shown, '消息类型 MTI: 0200');
    assert.match(shown, 'TPDU: 6000030000');
    assert.match(shown, '报文头 header: 603100311812');
    assert.match(shown, '交易金额 amount, transaction: 000000012800');
    assert.match(shown, '第二磁道数据 track 2 data: (37)');
    assert.match(shown, '个人标识码数据 PIN block: (8)');
    assert.match(shown, 'type, batch, management code: 22000001000');
    assert.match(shown, '主账号 primary account number: 627788******0016');
    assert.match(shown, '商户名称 merchant name: 尊卡');
    assert.not.match(shown, '6277880000000016');
    assert.not.match(shown, '20902CCABE74C717');
    assert.not.match(shown.toLowerCase(), 'malformed');
  });

  dissector('lets tshark filter by field and list transactions by name', () => {
    const list = tshark(
      [EXAMPLE_FRAME, ANSWER_FRAME],
      ['-Y', 'zunka.de11 == "000123"', '-T', 'fields', '-e', '_ws.col.Info'],
    );
    assert.equal(list.trim().split('\n'), ['0200 消费 sale 000123', '0210 消费 sale 000123 → 00']);
  });

  dissector('lets tshark name the first wrong byte', () => {
    const frame = Buffer.from(EXAMPLE_FRAME);
    frame[39] = 0x99; // DE35 announces 99 digits
    assert.match(tshark([frame], ['-V']), 'DE35 announces 99, at most 37, at byte 39');
  });
}

dissector.run();

/** What tshark prints of TCP segments sent to the dissector's port. */
function tshark(segments: readonly Buffer[], options: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-dissector-'));
  try {
    writeFileSync(join(folder, 'zunka.lua'), luaDissector());
    writeFileSync(join(folder, 'sale.pcap'), pcapOf(segments));
    const script = `lua_script:${join(folder, 'zunka.lua')}`;
    const run = spawnSync('tshark', ['-X', script, '-r', join(folder, 'sale.pcap'), ...options], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', HOME: folder },
    });
    assert.is(run.status, 0, run.stderr);
    assert.not.match(run.stderr, 'Lua:');
    return run.stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A capture file of raw IPv4 packets (link type 101) of one TCP stream. */
function pcapOf(segments: readonly Buffer[]): Buffer {
  const fileHeader = Buffer.alloc(24);
  fileHeader.writeUInt32LE(0xa1b2c3d4, 0);
  fileHeader.writeUInt16LE(2, 4);
  fileHeader.writeUInt16LE(4, 6);
  fileHeader.writeUInt32LE(65_535, 16);
  fileHeader.writeUInt32LE(101, 20);
  let sequence = 1;
  const records = segments.map((segment, index) => {
    const ip = Buffer.from('450000000000400040060000' + '0a000001' + '0a000002', 'hex');
    ip.writeUInt16BE(40 + segment.length, 2);
    const tcp = Buffer.from('c350000000000000000000015018ffff00000000', 'hex');
    tcp.writeUInt16BE(DISSECTOR_PORT, 2);
    tcp.writeUInt32BE(sequence, 4);
    sequence += segment.length;
    const record = Buffer.alloc(16);
    record.writeUInt32LE(1_795_300_000 + index, 0);
    record.writeUInt32LE(40 + segment.length, 8);
    record.writeUInt32LE(40 + segment.length, 12);
    return Buffer.concat([record, ip, tcp, segment]);
  });
  return Buffer.concat([fileHeader, ...records]);
}
